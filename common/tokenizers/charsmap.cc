#include "common/tokenizers/charsmap.h"

#include <cstring>
#include <optional>
#include <utf8proc.h>

namespace serval::tok {
namespace {

// Graphemes of more bytes are replaced character by character.
constexpr std::size_t kMostGrapheme = 5;

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | uint32_t(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += char(bits >> held & 0xFF);
  }
  return out;
}

class Charsmap final : public Normalizer {
 public:
  Charsmap(std::vector<uint32_t> units, std::string texts)
      : units_(std::move(units)), texts_(std::move(texts)) {
    for (int c = 0; c < 0x80; ++c) {
      const char text = char(c);
      const auto found = find({&text, 1});
      changes_ascii_[c] = found.has_value();
    }
  }

  void apply(AlignedText& text) const override {
    const std::string_view view = text.text;
    if (!may_change(view)) return;
    std::vector<Change> changes;
    changes.reserve(view.size());
    for (std::size_t at = 0; at < view.size();) {
      const std::string_view grapheme = view.substr(at, grapheme_length(view.substr(at)));
      at += grapheme.size();
      if (grapheme.size() <= kMostGrapheme) {
        if (const auto found = find(grapheme)) {
          replace(changes, grapheme, *found);
          continue;
        }
      }
      for (std::size_t in = 0; in < grapheme.size();) {
        const std::size_t start = in;
        const char32_t code = next_char(grapheme, in);
        const std::string_view one = grapheme.substr(start, in - start);
        if (const auto found = find(one))
          replace(changes, one, *found);
        else
          changes.push_back({code, 0});
      }
    }
    Rewriter out(text);
    for (const Change& change : changes) out.emit(change.code, change.change);
    text = out.finish();
  }

 private:
  struct Change {
    char32_t code;
    int change;  // as Rewriter::emit takes it
  };

  // ASCII that stays, which is found without looking at graphemes.
  bool may_change(std::string_view text) const {
    for (const char c : text)
      if (uint8_t(c) >= 0x80 || changes_ascii_[uint8_t(c)] || c == '\r') return true;
    return false;
  }

  static std::size_t grapheme_length(std::string_view text) {
    std::size_t at = 0;
    auto before = utf8proc_int32_t(next_char(text, at));
    utf8proc_int32_t state = 0;
    while (at < text.size()) {
      // Between two characters of ASCII there is always a bound, but for a line's end.
      if (before < 0x80 && uint8_t(text[at]) < 0x80 && !(before == '\r' && text[at] == '\n')) break;
      std::size_t next = at;
      const auto code = utf8proc_int32_t(next_char(text, next));
      if (utf8proc_grapheme_break_stateful(before, code, &state)) break;
      before = code;
      at = next;
    }
    return at;
  }

  static uint32_t offset_of(uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

  // The text for the shortest key that `key` begins with: what the reference takes, although it
  // stands for all of `key` then.
  std::optional<std::string_view> find(std::string_view key) const {
    std::size_t node = offset_of(units_[0]);
    for (const char c : key) {
      if (c == '\0') break;
      node ^= uint8_t(c);
      if (node >= units_.size()) return std::nullopt;
      const uint32_t unit = units_[node];
      if ((unit & 0x800000FF) != uint8_t(c)) return std::nullopt;
      node ^= offset_of(unit);
      if (!(unit >> 8 & 1)) continue;
      if (node >= units_.size()) return std::nullopt;
      const std::size_t start = units_[node] & 0x7FFFFFFF;
      if (start >= texts_.size()) return std::string_view();
      return std::string_view(texts_.c_str() + start);
    }
    return std::nullopt;
  }

  // The new characters take the places of the old ones in turn. Those that are over are inserted;
  // for those that are missing, the last one written drops some. As in the reference there is none
  // at the start of a text: what is written next then takes the place of what went.
  static void replace(std::vector<Change>& changes, std::string_view old, std::string_view with) {
    int left = 0;
    for (const char c : old) left += (uint8_t(c) & 0xC0) != 0x80;
    for (std::size_t at = 0; at < with.size(); --left)
      changes.push_back({next_char(with, at), left > 0 ? 0 : 1});
    if (left > 0 && !changes.empty()) changes.back().change -= left;
  }

  const std::vector<uint32_t> units_;
  const std::string texts_;
  bool changes_ascii_[0x80] = {};
};

}  // namespace

Result<std::unique_ptr<const Normalizer>> make_charsmap(std::string_view encoded,
                                                        const std::string& where) {
  const auto bad = [&](const char* what) {
    return error(Code::data_loss, where + ": its precompiled_charsmap " + what);
  };
  const std::optional<std::string> table = decode_base64(encoded);
  if (!table) return bad("is not base64");
  uint32_t bytes = 0;
  if (table->size() < sizeof(bytes)) return bad("is too short");
  std::memcpy(&bytes, table->data(), sizeof(bytes));
  if (bytes == 0 || bytes % 4 != 0 || bytes > table->size() - sizeof(bytes))
    return bad("has a trie of an impossible size");
  std::vector<uint32_t> units(bytes / 4);
  std::memcpy(units.data(), table->data() + sizeof(bytes), bytes);
  std::string texts = table->substr(sizeof(bytes) + bytes);
  if (!is_valid_utf8(texts)) return bad("holds texts that are not UTF-8");
  return std::unique_ptr<const Normalizer>(new Charsmap(std::move(units), std::move(texts)));
}

}  // namespace serval::tok
