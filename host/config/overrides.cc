#include "host/config/overrides.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "common/utf8.h"

namespace serval::host {
namespace {

constexpr std::size_t kMostBytes = 1u << 20;
constexpr std::size_t kMostDots = 64;  // each is one level of recursion in the parser's tables

bool bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// a."b.c".d -> {a, b.c, d}; nullopt if that is no key.
std::optional<std::vector<std::string>> split_key(std::string_view key) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (true) {
    std::string part;
    if (at < key.size() && (key[at] == '"' || key[at] == '\'')) {
      const std::size_t end = key.find(key[at], at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      part = key.substr(at + 1, end - at - 1);
      at = end + 1;
    } else {
      while (at < key.size() && bare(key[at])) part += key[at++];
      if (part.empty()) return std::nullopt;
    }
    parts.push_back(std::move(part));
    if (parts.size() > kMostDots) return std::nullopt;
    if (at == key.size()) return parts;
    if (key[at++] != '.') return std::nullopt;
  }
}

std::string toml_text(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (uint8_t(c) < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[uint8_t(c) >> 4];
      out += kHex[uint8_t(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Nodes move, so that they keep their places.
void merge(toml::table& into, toml::table&& from) {
  for (auto&& [key, node] : from) {
    toml::node* old = into.get(key.str());
    if (old != nullptr && old->is_table() && node.is_table()) {
      merge(*old->as_table(), std::move(*node.as_table()));
      continue;
    }
    node.visit([&](auto& value) { into.insert_or_assign(key, std::move(value)); });
  }
}

// The model that `which` names; adds one when it is their count.
toml::table* find_model(toml::table& root, const std::string& which, std::string& names) {
  if (root.get("model") == nullptr) root.insert("model", toml::array{});
  toml::array* models = root.get("model")->as_array();
  if (models == nullptr) return nullptr;
  for (toml::node& node : *models) {
    toml::table* model = node.as_table();
    if (model == nullptr) continue;
    const auto* name = model->get_as<std::string>("name");
    if (name == nullptr) continue;
    if (name->get() == which) return model;
    (names += names.empty() ? "" : ", ") += name->get();
  }
  std::size_t index = 0;
  const auto [end, wrong] = std::from_chars(which.data(), which.data() + which.size(), index);
  if (wrong != std::errc() || end != which.data() + which.size() || index > models->size())
    return nullptr;
  if (index == models->size()) models->push_back(toml::table{});
  return models->get(index)->as_table();
}

}  // namespace

std::string unreasonable(std::string_view text) {
  if (text.size() > kMostBytes) return "has more than 1 MiB";
  if (text.find('\0') != std::string_view::npos) return "holds a zero byte";
  // Dots of one dotted key, with what may stand between them. A text full of dots is not a key, but
  // nothing of value is lost with it either.
  std::size_t dots = 0;
  for (const char c : text) {
    if (c == '.')
      ++dots;
    else if (c == '\n' || c == '=' || c == ',')
      dots = 0;
    if (dots > kMostDots) return "has more than 64 dots in one key or value";
  }
  return {};
}

ParsedToml parse_toml(std::string_view text, const std::string& name) {
  ParsedToml parsed;
  try {
    parsed.root = toml::parse(text, std::string_view(name));
  } catch (const toml::parse_error& bad) {
    parsed.problem = "not TOML: " + std::string(bad.description());
    parsed.place = bad.source();
  } catch (const TomlCheckFailed& bad) {
    parsed.problem = std::string("not TOML: ") + bad.what();
    parsed.place.path = std::make_shared<const std::string>(name);
  }
  return parsed;
}

void apply_override(toml::table& root, const std::string& text, ErrorList& errors) {
  std::string shown = replace_invalid_utf8(std::string_view(text).substr(0, 80));
  for (char& c : shown)
    if (uint8_t(c) < 0x20 || c == 0x7f) c = '?';
  toml::source_region place;
  place.path = std::make_shared<const std::string>("--set " + shown);

  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return errors.add(place, "", "found no '=', want key=value");
  const std::string_view value = std::string_view(text).substr(equals + 1);
  const auto parts = split_key(std::string_view(text).substr(0, equals));
  if (!parts)
    return errors.add(place, "", "found a malformed key, want names with dots between them");
  if (std::string why = unreasonable(value); !why.empty())
    return errors.add(place, "", "the value " + why);

  toml::table* target = &root;
  std::size_t first = 0;
  if (parts->front() == "model" && parts->size() > 1) {
    std::string names;
    target = find_model(root, (*parts)[1], names);
    first = 2;
    if (target == nullptr || parts->size() == 2)
      return errors.add(place, "model",
                        "found \"" + (*parts)[1].substr(0, 60) +
                            "\", want model.INDEX.KEY or model.NAME.KEY; the models are " +
                            (names.empty() ? "none" : names));
  }
  std::string key;
  for (std::size_t i = first; i < parts->size(); ++i)
    (key += i == first ? "" : ".") += toml_text((*parts)[i]);
  const bool one_line = value.find_first_of("\r\n") == std::string_view::npos;
  ParsedToml parsed =
      parse_toml(key + " = " + (one_line ? std::string(value) : toml_text(value)), *place.path);
  if (!parsed.ok()) parsed = parse_toml(key + " = " + toml_text(value), *place.path);
  if (!parsed.ok()) return errors.add(place, "", "the value is not UTF-8");
  merge(*target, std::move(parsed.root));
}

}  // namespace serval::host
