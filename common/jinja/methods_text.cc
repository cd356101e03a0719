// Methods of str.
#include <algorithm>

#include "common/jinja/methods.h"

namespace serval::jinja {

std::string replace_text(Runtime& run, std::string_view text, std::string_view from,
                         std::string_view to, int64_t most) {
  std::string out;
  run.read(text.size());
  if (from.empty()) {  // between all code points and at both ends
    for (std::size_t i = 0;;) {
      if (most-- == 0) {
        out += text.substr(i);
        break;
      }
      out += to;
      if (i >= text.size()) break;
      const std::size_t n = decode(text, i).size;
      out += text.substr(i, n);
      i += n;
      run.check_text(out.size());
    }
    return out;
  }
  std::size_t at = 0;
  for (std::size_t hit; most != 0 && (hit = find(text, from, at)) != text.npos; --most) {
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
    run.check_text(out.size());
  }
  return out += text.substr(at);
}

std::string pad_text(Runtime& run, std::string_view text, int64_t width, std::string_view fill,
                     Side side) {
  const auto length = static_cast<int64_t>(count_code_points(text));
  if (width <= length) return std::string(text);
  const int64_t gap = width - length;
  run.check_text(static_cast<std::size_t>(gap));
  // Python puts the odd one to the left if the width is odd.
  const int64_t left = side == Side::left    ? gap
                       : side == Side::right ? 0
                                             : gap / 2 + (gap & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < gap; ++i) out += fill;
  return out;
}

namespace {

// The text a method belongs to.
const std::string& own(Runtime& run, const Value& self) {
  run.read(self.text().size());
  return self.text();
}

using Convert = std::string (*)(std::string_view);
template <Convert convert>
Value converted(Runtime& run, const Value& self, Args& args) {
  Reader(run, "this method", args).finish();
  run.spend(self.text().size() / 8);
  return run.text(convert(own(run, self)), self.string().markup);
}

template <Side side>
Value stripped(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "strip", args);
  const Value chars = read.get("chars", Value());
  read.finish();
  const std::string& text = own(run, self);
  if (chars.is_none()) return run.text(std::string(strip(text, side)), self.string().markup);
  if (!chars.is_string()) run.fail("strip: chars must be a string or None");
  run.spend(chars.text().size());
  return run.text(std::string(strip(text, chars.text(), side)), self.string().markup);
}

Value parts(Runtime& run, const std::vector<std::string_view>& views, Seq kind = Seq::list) {
  std::vector<Value> out;
  out.reserve(views.size());
  for (std::string_view view : views) out.push_back(run.text(view));
  return run.list(std::move(out), kind);
}

std::string separator_of(Runtime& run, const Value& value) {
  if (value.is_undefined()) run.fail(value.undefined().message);
  if (!value.is_string()) run.fail("a separator must be a string");
  if (value.text().empty()) run.fail("empty separator");
  return value.text();
}

// Searching from the back is not linear: the cost is counted in full.
void spend_backwards(Runtime& run, std::size_t text, std::size_t part) {
  run.spend(static_cast<uint64_t>(text) * std::min<uint64_t>(part, 1u << 20) / 64);
}

template <bool backwards>
Value splitted(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "split", args);
  const Value separator = read.get("sep", Value());
  const int64_t most = read.integer("maxsplit", -1);
  read.finish();
  const std::string& text = own(run, self);
  if (separator.is_none())
    return parts(run, backwards ? rsplit_space(text, most) : split_space(text, most));
  const std::string by = separator_of(run, separator);
  if (!backwards) return parts(run, split(text, by, most));
  spend_backwards(run, text.size(), by.size());
  return parts(run, rsplit(text, by, most));
}

Value split_lines_method(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "splitlines", args);
  const bool keep_ends = read.flag("keepends", false);
  read.finish();
  return parts(run, split_lines(own(run, self), keep_ends));
}

template <bool backwards>
Value partition(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "partition", args);
  const std::string by = separator_of(run, read.need("sep"));
  read.finish();
  const std::string_view text = own(run, self);
  if (backwards) spend_backwards(run, text.size(), by.size());
  const std::size_t at = backwards ? text.rfind(by) : find(text, by);
  if (at == text.npos) {
    if (backwards) return parts(run, {"", "", text}, Seq::tuple);
    return parts(run, {text, "", ""}, Seq::tuple);
  }
  return parts(run, {text.substr(0, at), by, text.substr(at + by.size())}, Seq::tuple);
}

// start and end of startswith, find and their kin: what of the text is looked at, and where it
// starts. npos if the start lies behind the end of the text.
struct Window {
  std::string_view text;
  std::size_t start = 0;  // code points before it
  bool valid = true;
};

Window window(Runtime& run, Reader& read, const Value& self) {
  const std::string& text = own(run, self);
  const auto size = static_cast<int64_t>(self.string().length);
  const Value start = read.get("start", Value()), end = read.get("end", Value());
  const auto bound = [&](const Value& v, int64_t otherwise) {
    if (v.is_none()) return otherwise;
    const int64_t i = to_index(run, v, "a position");
    return std::max<int64_t>(i < 0 ? i + size : i, 0);
  };
  const int64_t from = bound(start, 0), to = std::min(bound(end, size), size);
  if (from > size || from > to) return {{}, static_cast<std::size_t>(from), false};
  const std::size_t first = byte_offset(text, static_cast<std::size_t>(from));
  const std::size_t last =
      to == size ? text.size() : byte_offset(text, static_cast<std::size_t>(to));
  return {std::string_view(text).substr(first, last - first), static_cast<std::size_t>(from), true};
}

template <bool at_end>
Value affix(Runtime& run, const Value& self, Args& args) {
  const char* who = at_end ? "endswith" : "startswith";
  Reader read(run, who, args);
  const Value what = read.need("prefix");
  const Window in = window(run, read, self);
  read.finish();
  if (what.is_undefined()) run.fail(what.undefined().message);
  const auto matches = [&](const Value& v) {
    if (!v.is_string())
      run.fail(std::string(who) + " wants a string or a tuple of strings, not " +
               std::string(type_name(v)));
    run.read(v.text().size());
    return in.valid && (at_end ? in.text.ends_with(v.text()) : in.text.starts_with(v.text()));
  };
  if (!what.is_seq(Seq::tuple)) return matches(what);
  for (const Value& one : what.list().items)
    if (matches(one)) return true;
  return false;
}

// Position in code points, -1 if it is not there.
template <bool backwards, bool must>
Value position(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "find", args);
  const Value what = read.need("sub");
  const Window in = window(run, read, self);
  read.finish();
  if (what.is_undefined()) run.fail(what.undefined().message);
  if (!what.is_string()) run.fail("find wants a string, not " + std::string(type_name(what)));
  if (backwards) spend_backwards(run, in.text.size(), what.text().size());
  const std::size_t at = !in.valid   ? std::string_view::npos
                         : backwards ? in.text.rfind(what.text())
                                     : find(in.text, what.text());
  if (at != std::string_view::npos)
    return static_cast<Int>(in.start + count_code_points(in.text.substr(0, at)));
  if (must) run.fail("substring not found");
  return Int{-1};
}

Value count(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "count", args);
  const Value what = read.need("sub");
  const Window in = window(run, read, self);
  read.finish();
  if (!what.is_string()) run.fail("count wants a string, not " + std::string(type_name(what)));
  if (!in.valid) return Int{0};
  if (what.text().empty()) return static_cast<Int>(count_code_points(in.text)) + 1;
  Int n = 0;
  for (std::size_t at = 0; (at = find(in.text, what.text(), at)) != in.text.npos;
       at += what.text().size())
    ++n;
  return n;
}

Value replace(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "replace", args);
  if (args.positional.size() < 2) run.fail("replace takes at least 2 positional arguments");
  const Value from = read.need("old"), to = read.need("new");
  const int64_t most = read.integer("count", -1);
  read.finish();
  for (const Value* v : {&from, &to}) {
    if (v->is_undefined()) run.fail(v->undefined().message);
    if (!v->is_string()) run.fail("replace wants strings, not " + std::string(type_name(*v)));
  }
  return run.text(replace_text(run, self.text(), from.text(), to.text(), most),
                  self.string().markup);
}

Value join(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "join", args);
  const Value items = read.need("iterable");
  read.finish();
  std::string out;
  bool first = true;
  for (const Value& item : run.iterate(items)) {
    if (!item.is_string()) run.fail("join wants strings, not " + std::string(type_name(item)));
    if (!first) out += self.text();
    first = false;
    out += item.text();
    run.check_text(out.size());
  }
  return run.text(std::move(out), self.string().markup);
}

template <bool suffix>
Value without_affix(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "removeprefix", args);
  const std::string what = read.text("prefix", "");
  read.finish();
  std::string_view text = own(run, self);
  if (suffix && text.ends_with(what)) text.remove_suffix(what.size());
  if (!suffix && text.starts_with(what)) text.remove_prefix(what.size());
  return run.text(std::string(text), self.string().markup);
}

template <Side side>
Value padded(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "padding", args);
  const int64_t width = to_index(run, read.need("width"), "width");
  const std::string fill = read.text("fillchar", " ");
  read.finish();
  if (count_code_points(fill) != 1) run.fail("the fill character must be one character");
  return run.text(pad_text(run, own(run, self), width, fill, side), self.string().markup);
}

Value zero_fill(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "zfill", args);
  const int64_t width = to_index(run, read.need("width"), "width");
  read.finish();
  const std::string_view text = own(run, self);
  const bool sign = text.starts_with('+') || text.starts_with('-');
  const std::string digits = pad_text(run, text.substr(sign), width - sign, "0", Side::left);
  return run.text(std::string(text.substr(0, sign)) + digits, self.string().markup);
}

Value swap_case(Runtime& run, const Value& self, Args& args) {
  Reader(run, "swapcase", args).finish();
  std::string out;
  const std::string& text = own(run, self);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = decode(text, i).size;
    const std::string c = text.substr(i, n), upper = to_upper(c);
    out += upper == c ? to_lower(c) : upper;
    i += n;
  }
  return run.text(std::move(out), self.string().markup);
}

Value format(Runtime& run, const Value& self, Args& args) {
  return run.text(brace_format(run, own(run, self), args), self.string().markup);
}

// Classes of characters. Letters and digits beyond ASCII are not told apart here, so such a text
// is refused instead of judged wrong.
enum class Class : uint8_t { digit, alpha, alnum, space, upper, lower };
template <Class wanted>
Value is_all(Runtime& run, const Value& self, Args& args) {
  Reader(run, "this method", args).finish();
  const std::string& text = own(run, self);
  if (wanted == Class::upper) return text == to_upper(text) && text != to_lower(text);
  if (wanted == Class::lower) return text == to_lower(text) && text != to_upper(text);
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    i += c.size;
    if (wanted == Class::space) {
      if (!is_space(c.value)) return false;
      continue;
    }
    if (c.value >= 0x80) run.fail("this method is supported for ASCII text only");
    const bool digit = c.value >= '0' && c.value <= '9';
    const bool alpha = (c.value | 0x20) >= 'a' && (c.value | 0x20) <= 'z';
    if (!((digit && wanted != Class::alpha) || (alpha && wanted != Class::digit))) return false;
  }
  return !text.empty();
}

constexpr Builtin kMethods[] = {{"upper", converted<to_upper>},
                                {"lower", converted<to_lower>},
                                {"capitalize", converted<capitalize>},
                                {"title", converted<title_words>},
                                {"swapcase", swap_case},
                                {"strip", stripped<Side::both>},
                                {"lstrip", stripped<Side::left>},
                                {"rstrip", stripped<Side::right>},
                                {"split", splitted<false>},
                                {"rsplit", splitted<true>},
                                {"splitlines", split_lines_method},
                                {"partition", partition<false>},
                                {"rpartition", partition<true>},
                                {"startswith", affix<false>},
                                {"endswith", affix<true>},
                                {"find", position<false, false>},
                                {"rfind", position<true, false>},
                                {"index", position<false, true>},
                                {"rindex", position<true, true>},
                                {"count", count},
                                {"replace", replace},
                                {"join", join},
                                {"removeprefix", without_affix<false>},
                                {"removesuffix", without_affix<true>},
                                {"center", padded<Side::both>},
                                {"ljust", padded<Side::right>},
                                {"rjust", padded<Side::left>},
                                {"zfill", zero_fill},
                                {"format", format},
                                {"isdigit", is_all<Class::digit>},
                                {"isdecimal", is_all<Class::digit>},
                                {"isnumeric", is_all<Class::digit>},
                                {"isalpha", is_all<Class::alpha>},
                                {"isalnum", is_all<Class::alnum>},
                                {"isspace", is_all<Class::space>},
                                {"isupper", is_all<Class::upper>},
                                {"islower", is_all<Class::lower>}};

}  // namespace

std::span<const Builtin> text_methods() { return kMethods; }

}  // namespace serval::jinja
