#include "host/config/units.h"

#include <charconv>
#include <span>

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

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) { return parse(text, kSizes); }
std::optional<uint64_t> parse_duration(std::string_view text) { return parse(text, kDurations); }
std::string format_size(uint64_t bytes) { return bytes == 0 ? "0B" : format(bytes, kSizes); }
std::string format_duration(uint64_t nanoseconds) {
  return nanoseconds == 0 ? "0s" : format(nanoseconds, kDurations);
}

}  // namespace serval::host
