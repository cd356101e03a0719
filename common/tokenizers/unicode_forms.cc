#include "common/tokenizers/unicode_forms.h"

#include <algorithm>
#include <utf8proc.h>

#include "common/formats/unicode_classes.h"
#include "common/tokenizers/char_traits.h"

namespace serval::tok {
namespace {

struct Item {
  char32_t code;
  int change;  // as Rewriter::emit takes it
  uint8_t combining;
};

uint8_t combining_class(char32_t code) {
  if (!(CharTraits::instance().of(code) & kOrdered)) return 0;
  return uint8_t(utf8proc_get_property(utf8proc_int32_t(code))->combining_class);
}

// What `first` and `second` make together, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (!(CharClasses::instance().of(second) & kComposes)) return 0;
  utf8proc_int32_t pair[2] = {utf8proc_int32_t(first), utf8proc_int32_t(second)};
  const auto length =
      utf8proc_normalize_utf32(pair, 2, utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  return length == 1 ? char32_t(pair[0]) : 0;
}

std::vector<Item> decomposed(std::string_view text, bool compatible) {
  std::vector<Item> items;
  items.reserve(text.size());
  std::size_t marks = 0;  // where the row of marks at the end begins
  const auto sort_marks = [&] {
    std::stable_sort(items.begin() + std::ptrdiff_t(marks), items.end(),
                     [](const Item& a, const Item& b) { return a.combining < b.combining; });
  };
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_char(text, at);
    char32_t parts[kMostParts];
    const int count = decompose(code, compatible, parts);
    for (int i = 0; i < count; ++i) {
      const uint8_t combining = combining_class(parts[i]);
      if (combining == 0) sort_marks();
      items.push_back({parts[i], i > 0, combining});
      if (combining == 0) marks = items.size();
    }
  }
  sort_marks();
  return items;
}

// Each mark that is not cut off by one of its own class joins the starter before it, if it can.
void compose(std::vector<Item>& items) {
  std::size_t kept = 0, starter = 0;
  bool has_starter = false;
  int last = -1;  // class of the last mark kept behind the starter; -1: none yet
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item item = items[i];
    if (has_starter && (last < 0 || last < int(item.combining))) {
      if (const char32_t both = composed(items[starter].code, item.code); both != 0) {
        items[starter].code = both;
        items[starter].change += item.change - 1;
        continue;
      }
    }
    if (item.combining == 0) {
      starter = kept;
      has_starter = true;
      last = -1;
    } else {
      last = item.combining;
    }
    items[kept++] = item;
  }
  items.resize(kept);
}

bool may_change(std::string_view text, UnicodeForm form) {
  const CharTraits& traits = CharTraits::instance();
  const CharClasses& classes = CharClasses::instance();
  const bool composing = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const bool compatible = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  const int wanted = (compatible ? kCompatible : 0) | (composing ? 0 : kCanonical | kOrdered);
  for (std::size_t at = 0; at < text.size();) {
    if (uint8_t(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const char32_t code = next_char(text, at);
    if (traits.of(code) & wanted) return true;
    if (composing && (classes.of(code) & kComposes)) return true;
  }
  return false;
}

}  // namespace

int decompose(char32_t code, bool compatible, char32_t (&parts)[kMostParts]) {
  parts[0] = code;
  if (!(CharTraits::instance().of(code) & (compatible ? kCompatible : kCanonical))) return 1;
  utf8proc_int32_t found[kMostParts];
  int boundary = 0;
  const auto options = utf8proc_option_t(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  const auto count =
      utf8proc_decompose_char(utf8proc_int32_t(code), found, kMostParts, options, &boundary);
  if (count <= 0 || count > kMostParts) return 1;
  std::copy(found, found + count, parts);
  return int(count);
}

void put_into_form(AlignedText& text, UnicodeForm form) {
  if (!may_change(text.text, form)) return;
  std::vector<Item> items =
      decomposed(text.text, form == UnicodeForm::nfkc || form == UnicodeForm::nfkd);
  if (form == UnicodeForm::nfc || form == UnicodeForm::nfkc) compose(items);
  Rewriter out(text);
  for (const Item& item : items) out.emit(item.code, item.change);
  text = out.finish();
}

}  // namespace serval::tok
