#include "host/config/units.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

namespace serval::host {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr Unit kSizes[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}};
constexpr Unit kDurations[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}};

std::optional<uint64_t> parse(std::string_view text, std::span<const Unit> units) {
  uint64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc()) return std::nullopt;
  const std::string_view name(end, std::size_t(text.data() + text.size() - end));
  for (const Unit& unit : units)
    if (unit.name == name) {
      if (number > UINT64_MAX / unit.factor) return std::nullopt;
      return number * unit.factor;
    }
  return std::nullopt;
}

std::string format(uint64_t amount, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (amount >= unit.factor && amount % unit.factor == 0)
      return std::to_string(amount / unit.factor) + std::string(unit.name);
  return std::to_string(amount / units.back().factor) + std::string(units.back().name);
}

// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) { return parse(text, kSizes); }
std::optional<uint64_t> parse_duration(std::string_view text) { return parse(text, kDurations); }
std::string format_size(uint64_t bytes) { return bytes == 0 ? "0B" : format(bytes, kSizes); }
std::string format_duration(uint64_t nanoseconds) {
  return nanoseconds == 0 ? "0s" : format(nanoseconds, kDurations);
}

std::string_view nearest_word(std::string_view word, const std::string_view* words,
                              std::size_t count) {
  std::string_view best;
  if (word.size() > 64) return best;  // nobody mistypes that
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (std::size_t i = 0; i < count; ++i)
    if (const std::size_t d = distance(word, words[i]); d < least) {
      least = d;
      best = words[i];
    }
  return best;
}

}  // namespace serval::host
