#include "host/observability/metrics_page.h"

#include <charconv>
#include <cmath>

#include "common/utf8.h"

namespace serval::host {
namespace {

constexpr std::size_t kLongestLabel = 128;

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
}

}  // namespace

std::string render_labels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += out.empty() ? '{' : ',';
    out += name;
    out += "=\"";
    const std::string text = replace_invalid_utf8(value);
    append_escaped(out,
                   std::string_view(text).substr(
                       0, valid_utf8_prefix(std::string_view(text).substr(0, kLongestLabel))),
                   true);
    out += '"';
  }
  if (!out.empty()) out += '}';
  return out;
}

std::string render_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void MetricsPage::family(std::string_view name, std::string_view help, std::string_view type) {
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  append_escaped(text_, replace_invalid_utf8(help), false);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += type;
  text_ += '\n';
}

void MetricsPage::sample(std::string_view name, std::string_view labels, double value) {
  text_ += name;
  text_ += labels;
  text_ += ' ';
  text_ += render_number(value);
  text_ += '\n';
}

}  // namespace serval::host
