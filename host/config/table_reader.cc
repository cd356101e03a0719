#include "host/config/table_reader.h"

#include <algorithm>
#include <optional>

#include "common/nearest_word.h"
#include "host/config/units.h"

namespace serval::host {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

// Printable ASCII and UTF-8 as they are, the rest escaped; at most 60 bytes.
std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (out.size() > 60) return out + "...\"";
    static constexpr char kHex[] = "0123456789abcdef";
    if (uint8_t(c) < 0x20 || c == 0x7f) {
      out += "\\x";
      out += kHex[uint8_t(c) >> 4];
      out += kHex[uint8_t(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool from_override(const toml::source_region& place) {
  return place.path != nullptr && place.path->starts_with("--set ");
}

std::string show(uint64_t value, KeyVisitor::Unit unit) {
  if (unit == KeyVisitor::Unit::bytes) return format_size(value);
  if (unit == KeyVisitor::Unit::time) return format_duration(value);
  return std::to_string(value);
}

}  // namespace

void ErrorList::add(const toml::source_region& place, std::string_view key, std::string message) {
  std::string text = place_text(place);
  if (!key.empty()) (text += text.empty() ? "" : ": ") += key;
  entries_.push_back({place.path == nullptr ? "" : *place.path, uint32_t(place.begin.line),
                      uint32_t(place.begin.column), text + ": " + std::move(message)});
}

std::string ErrorList::text() const {
  std::vector<const Entry*> order;
  for (const Entry& e : entries_) order.push_back(&e);
  std::stable_sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    const bool set_a = a->file.starts_with("--set "), set_b = b->file.starts_with("--set ");
    if (set_a || set_b) return set_a < set_b;
    return std::tie(a->line, a->column) < std::tie(b->line, b->column);
  });
  std::string out;
  for (const Entry* e : order) (out += out.empty() ? "" : "\n") += e->text;
  return out;
}

std::string place_text(const toml::source_region& place) {
  std::string text = place.path == nullptr ? std::string() : *place.path;
  if (from_override(place) || place.begin.line == 0) return text;
  return text + ":" + std::to_string(place.begin.line) + ":" + std::to_string(place.begin.column);
}

std::string show_node(const toml::node& node) {
  if (const auto* s = node.as_string()) return quote(s->get());
  if (const auto* i = node.as_integer()) return std::to_string(i->get());
  if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  return std::string(type_name(node));
}

const toml::node* TableReader::node(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

void TableReader::fail(const toml::node& node, std::string_view key, std::string message) {
  errors_.add(node.source(), prefix_ + std::string(key), std::move(message));
}

void TableReader::boolean(std::string_view key, bool& field) {
  const toml::node* found = node(key);
  if (found == nullptr) return;
  if (const auto* value = found->as_boolean()) {
    field = value->get();
    return;
  }
  fail(*found, key, "found " + show_node(*found) + ", want true or false");
}

void TableReader::text(std::string_view key, std::string& field) {
  const toml::node* found = node(key);
  if (found == nullptr) return;
  const auto* value = found->as_string();
  if (value == nullptr) return fail(*found, key, "found " + show_node(*found) + ", want a text");
  if (value->get().find('\0') != std::string::npos)
    return fail(*found, key, "found a zero byte in " + quote(value->get()));
  field = value->get();
}

void TableReader::path(std::string_view key, std::string& field) {
  const std::string before = field;
  const std::size_t errors = errors_.size();
  text(key, field);
  if (errors_.size() != errors || table_.get(key) == nullptr || field.empty()) return;
  std::filesystem::path path(field);
  if (path.is_relative() && !from_override(table_.get(key)->source())) path = folder_ / path;
  field = path.lexically_normal().string();
}

void TableReader::texts(std::string_view key, std::vector<std::string>& field) {
  const toml::node* found = node(key);
  if (found == nullptr) return;
  std::vector<std::string> all;
  if (const auto* one = found->as_string()) {
    if (!one->get().empty()) all.push_back(one->get());
  } else if (const auto* many = found->as_array()) {
    for (const toml::node& item : *many) {
      const auto* value = item.as_string();
      if (value == nullptr) {
        fail(item, key, "found " + show_node(item) + ", want a text");
        return;
      }
      all.push_back(value->get());
    }
  } else {
    fail(*found, key, "found " + show_node(*found) + ", want a text or an array of texts");
    return;
  }
  field = std::move(all);
}

void TableReader::choice(std::string_view key, std::string& field,
                         std::span<const std::string_view> words) {
  const toml::node* found = node(key);
  if (found == nullptr) return;
  const auto* value = found->as_string();
  if (value != nullptr && std::find(words.begin(), words.end(), value->get()) != words.end()) {
    field = value->get();
    return;
  }
  std::string wanted;
  for (std::size_t i = 0; i < words.size(); ++i)
    (wanted += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") += words[i];
  fail(*found, key, "found " + show_node(*found) + ", want " + wanted);
}

void TableReader::number(std::string_view key, uint64_t& field, uint64_t low, uint64_t high,
                         Unit unit) {
  static constexpr const char* kWanted[] = {"an integer", "a size as \"32MiB\"",
                                            "a duration as \"30s\" or \"250ms\""};
  const toml::node* found = node(key);
  if (found == nullptr) return;
  std::optional<uint64_t> value;
  if (const auto* text = found->as_string()) {
    if (unit == Unit::bytes) value = parse_size(text->get());
    if (unit == Unit::time) value = parse_duration(text->get());
  } else if (const auto* integer = found->as_integer()) {
    // A bare number has no unit, so only a limit that counts, or 0, is clear.
    if (integer->get() >= 0 && (unit == Unit::none || integer->get() == 0))
      value = uint64_t(integer->get());
  }
  if (value && *value >= low && *value <= high) {
    field = *value;
    return;
  }
  fail(*found, key,
       "found " + show_node(*found) + ", want " + kWanted[int(unit)] + " from " + show(low, unit) +
           " to " + show(high, unit));
}

const toml::table* TableReader::table(std::string_view key) {
  const toml::node* found = node(key);
  if (found == nullptr) return nullptr;
  if (found->as_table() == nullptr)
    fail(*found, key, "found " + show_node(*found) + ", want a table");
  return found->as_table();
}

void TableReader::finish() {
  for (const auto& [key, value] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    // The key's own place is the better one; a value made by an override has only the value's.
    const toml::source_region& place = key.source().begin.line != 0 ? key.source() : value.source();
    std::string message = "unknown key" + did_you_mean(key.str(), known_, prefix_);
    const std::string shown = quote(key.str());
    const bool bare =
        key.str().size() < 60 && std::all_of(key.str().begin(), key.str().end(),
                                             [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    errors_.add(place, prefix_ + (bare ? std::string(key.str()) : shown), std::move(message));
  }
}

}  // namespace serval::host
