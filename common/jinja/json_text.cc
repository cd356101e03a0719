// json.dumps as transformers' tojson calls it.
#include <algorithm>
#include <cmath>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

class Writer {
 public:
  Writer(Runtime& run, const JsonStyle& style) : run_(run), style_(style) {}

  std::string take() { return std::move(out_); }

  void value(const Value& v, int depth) {
    Runtime::Level level(run_);
    run_.check_text(out_.size());
    if (v.is_string())
      string(v.text());
    else if (v.is_list() && (v.is_seq(Seq::list) || v.is_seq(Seq::tuple)))
      array(v.list().items, depth);
    else if (v.is_dict())
      object(v.dict(), depth);
    else
      out_ += scalar(v);
  }

 private:
  std::string scalar(const Value& v) const {
    if (v.is_none()) return "null";
    if (v.is_bool()) return v.as_bool() ? "true" : "false";
    if (v.is_int()) return int_text(v.as_int());
    if (v.is_float()) {
      const double d = v.as_double();
      if (std::isnan(d)) return "NaN";
      if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
      return float_text(d);
    }
    run_.fail("Object of type " + std::string(type_name(v)) + " is not JSON serializable" +
              (v.is_undefined() ? ": " + v.undefined().message : ""));
  }

  void string(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    const auto unit = [&](unsigned c) {
      out_ += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out_ += kHex[(c >> shift) & 15];
    };
    out_ += '"';
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = decode(text, i);
      const std::string_view bytes = text.substr(i, c.size);
      i += c.size;
      switch (c.value) {
        case '"':
          out_ += "\\\"";
          continue;
        case '\\':
          out_ += "\\\\";
          continue;
        case '\n':
          out_ += "\\n";
          continue;
        case '\r':
          out_ += "\\r";
          continue;
        case '\t':
          out_ += "\\t";
          continue;
        case '\b':
          out_ += "\\b";
          continue;
        case '\f':
          out_ += "\\f";
          continue;
        default:
          break;
      }
      if (c.value < 0x20 || (style_.ascii && c.value >= 0x7F && c.value < 0x10000)) {
        unit(c.value);
      } else if (style_.ascii && c.value >= 0x10000) {
        unit(0xD800 + ((c.value - 0x10000) >> 10));
        unit(0xDC00 + ((c.value - 0x10000) & 0x3FF));
      } else {
        out_ += bytes;
      }
    }
    out_ += '"';
  }

  void new_line(int depth) {
    if (!style_.pretty) return;
    out_ += '\n';
    for (int i = 0; i < depth; ++i) out_ += style_.indent;
    run_.check_text(out_.size());
  }

  void array(const std::vector<Value>& items, int depth) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.comma;
      new_line(depth + 1);
      value(items[i], depth + 1);
    }
    new_line(depth);
    out_ += ']';
  }

  void object(const Dict& dict, int depth) {
    if (dict.size() == 0) {
      out_ += "{}";
      return;
    }
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto* a, const auto* b) { return run_.less(a->first, b->first); });
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += style_.comma;
      new_line(depth + 1);
      const Value& key = entries[i]->first;
      if (key.is_list() || key.is_undefined())
        run_.fail("keys must be str, int, float, bool or None, not " + std::string(type_name(key)));
      string(key.is_string() ? key.text() : scalar(key));
      out_ += style_.colon;
      value(entries[i]->second, depth + 1);
    }
    new_line(depth);
    out_ += '}';
  }

  Runtime& run_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string json_text(Runtime& run, const Value& value, const JsonStyle& style) {
  run.spend(weight_of(value));
  Writer writer(run, style);
  writer.value(value, 0);
  return writer.take();
}

}  // namespace serval::jinja
