// Filters that make text.
#include "common/jinja/methods.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

// soft_str: what a filter on text makes of any value.
struct Soft {
  Soft(Runtime& run, const Value& self)
      : text(run.str(self)), markup(self.is_string() && self.string().markup) {
    run.read(text.size());
  }
  std::string text;
  bool markup;
};

using Convert = std::string (*)(std::string_view);

template <Convert convert>
Value converted(Runtime& run, const Value& self, Args& args) {
  Reader(run, "this filter", args).finish();
  const Soft soft(run, self);
  run.spend(soft.text.size() / 8);
  return run.text(convert(soft.text), soft.markup);
}

Value trim(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "trim", args);
  const Value chars = read.get("chars", Value());
  read.finish();
  const Soft soft(run, self);
  if (chars.is_none()) return run.text(std::string(strip(soft.text, Side::both)), soft.markup);
  if (!chars.is_string()) run.fail("trim: chars must be a string");
  return run.text(std::string(strip(soft.text, chars.text(), Side::both)), soft.markup);
}

Value replace(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "replace", args);
  const std::string from = run.str(read.need("old"));
  const std::string to = run.str(read.need("new"));
  const Value count = read.get("count", Value());
  read.finish();
  const int64_t most = count.is_none() ? -1 : to_index(run, count, "count");
  return run.text(replace_text(run, run.str(self), from, to, most));
}

Value escape(Runtime& run, const Value& self, Args& args) {
  Reader(run, "escape", args).finish();
  const Soft soft(run, self);
  return run.text(soft.markup ? soft.text : escape_html(soft.text), true);
}

Value force_escape(Runtime& run, const Value& self, Args& args) {
  Reader(run, "forceescape", args).finish();
  return run.text(escape_html(Soft(run, self).text), true);
}

Value safe(Runtime& run, const Value& self, Args& args) {
  Reader(run, "safe", args).finish();
  return run.text(run.str(self), true);
}

Value string(Runtime& run, const Value& self, Args& args) {
  Reader(run, "string", args).finish();
  return self.is_string() ? self : run.text(run.str(self));
}

Value indent(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "indent", args);
  const Value width = read.get("width", Int{4});
  const bool first = read.flag("first", false), blank = read.flag("blank", false);
  read.finish();
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (!self.is_string())
    run.fail("indent: '" + std::string(type_name(self)) + "' object is no string");
  std::string margin;
  if (width.is_string()) {
    margin = width.text();
  } else {
    const int64_t n = std::max<int64_t>(to_index(run, width, "width"), 0);
    run.check_text(static_cast<std::size_t>(n));
    margin.assign(static_cast<std::size_t>(n), ' ');
  }
  const std::string text = self.text() + "\n";
  run.read(text.size());
  std::string out = first ? margin : "";
  bool at_start = true;
  for (std::string_view line : split_lines(text, false)) {
    if (!at_start) {
      out += '\n';
      if (blank || !line.empty()) out += margin;
    }
    at_start = false;
    out += line;
    run.check_text(out.size());
  }
  return run.text(std::move(out), self.string().markup);
}

Value center(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "center", args);
  const int64_t width = read.integer("width", 80);
  read.finish();
  const Soft soft(run, self);
  return run.text(pad_text(run, soft.text, width, " ", Side::both), soft.markup);
}

Value truncate(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "truncate", args);
  const int64_t length = read.integer("length", 255);
  const bool kill_words = read.flag("killwords", false);
  const std::string end = read.text("end", "...");
  const Value given_leeway = read.get("leeway", Value());
  read.finish();
  const int64_t leeway = given_leeway.is_none() ? 5 : to_index(run, given_leeway, "leeway");
  const auto end_length = static_cast<int64_t>(count_code_points(end));
  if (length < end_length || leeway < 0) run.fail("truncate: length or leeway is too small");
  if (!self.is_string()) run.fail("truncate wants a string");
  if (static_cast<int64_t>(self.string().length) - leeway <= length) return self;
  std::string_view kept = self.text();
  kept = kept.substr(0, byte_offset(kept, static_cast<std::size_t>(length - end_length)));
  if (!kill_words)
    if (const std::size_t space = kept.rfind(' '); space != kept.npos) kept = kept.substr(0, space);
  return run.text(std::string(kept) + end);
}

Value url_encode(Runtime& run, const Value& self, Args& args) {
  Reader(run, "urlencode", args).finish();
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto encode = [](std::string_view text, std::string_view also) {
    std::string out;
    for (char c : text) {
      const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                         (c >= 'A' && c <= 'Z') || std::string_view("_.-~").find(c) != also.npos;
      if (plain || also.find(c) != also.npos) {
        out += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', kHex[byte >> 4], kHex[byte & 15]};
      }
    }
    return out;
  };
  if (!self.is_dict()) return run.text(encode(run.str(self), "/"));
  const auto field = [&](const Value& v) {  // as HTML forms write it
    std::string out = encode(run.str(v), " ");
    for (char& c : out)
      if (c == ' ') c = '+';
    return out;
  };
  std::string out;
  for (const auto& [key, value] : self.dict().entries()) {
    if (!out.empty()) out += '&';
    out += field(key) + "=" + field(value);
    run.check_text(out.size());
  }
  return run.text(std::move(out));
}

Value format(Runtime& run, const Value& self, Args& args) {
  if (!args.named.empty() && !args.positional.empty())
    run.fail("format: positional and keyword arguments at the same time");
  Value values;
  if (args.named.empty()) {
    values = run.list(std::move(args.positional), Seq::tuple);
  } else {
    Dict named;
    for (auto& [key, value] : args.named) run.put(named, run.text(key), value);
    values = run.dict(std::move(named));
  }
  const Soft soft(run, self);
  return run.text(percent_format(run, soft.text, values), soft.markup);
}

Value join(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "join", args);
  const std::string separator = run.str(read.get("d", run.text("")));
  const Value attribute = read.get("attribute", Value());
  read.finish();
  std::string out;
  bool first = true;
  for (const Value& item : run.iterate(self)) {
    if (!first) out += separator;
    first = false;
    out += run.str(attribute_path(run, item, attribute, nullptr));
    run.check_text(out.size());
  }
  return run.text(std::move(out));
}

Value to_json(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "tojson", args);
  JsonStyle style;
  style.ascii = read.flag("ensure_ascii", false);
  const Value indent = read.get("indent", Value());
  const Value separators = read.get("separators", Value());
  style.sort_keys = read.flag("sort_keys", false);
  read.finish();
  if (indent.is_string()) {
    style.indent = indent.text();
  } else if (!indent.is_none()) {
    const int64_t n = std::max<int64_t>(to_index(run, indent, "indent"), 0);
    run.check_text(static_cast<std::size_t>(n));
    style.indent.assign(static_cast<std::size_t>(n), ' ');
  }
  style.pretty = !indent.is_none();
  if (style.pretty) style.comma = ",";
  if (!separators.is_none()) {
    const std::vector<Value> parts = run.iterate(separators);
    if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_string())
      run.fail("tojson: separators must be a pair of strings");
    style.comma = parts[0].text();
    style.colon = parts[1].text();
  }
  return run.text(json_text(run, self, style));
}

constexpr Builtin kFilters[] = {{"upper", converted<to_upper>},
                                {"lower", converted<to_lower>},
                                {"capitalize", converted<capitalize>},
                                {"title", converted<title_filter>},
                                {"trim", trim},
                                {"replace", replace},
                                {"escape", escape},
                                {"e", escape},
                                {"forceescape", force_escape},
                                {"safe", safe},
                                {"string", string},
                                {"indent", indent},
                                {"center", center},
                                {"truncate", truncate},
                                {"urlencode", url_encode},
                                {"format", format},
                                {"join", join},
                                {"tojson", to_json}};

}  // namespace

std::span<const Builtin> text_filters() { return kFilters; }

}  // namespace serval::jinja
