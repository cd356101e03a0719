#include "report.h"

#include <algorithm>
#include <cstdio>

#include "serval/sdk/json.hpp"

namespace serval::check {
namespace {

// text as valid UTF-8: what is not becomes '?'.
std::string clean(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = sdk::utf8_length(text);
    n == 0 ? out += '?' : out += text.substr(0, n);
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

std::string quoted(std::string_view text) { return sdk::json_quote(clean(text)); }

// text for XML: escaped, without the control characters XML cannot hold.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : clean(text)) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n')
      out += c;
  }
  return out;
}

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f", value);
  return text;
}

long count(const std::vector<Outcome>& outcomes, Verdict verdict) {
  return std::count_if(outcomes.begin(), outcomes.end(),
                       [&](const Outcome& o) { return o.verdict == verdict; });
}

long count_bad(const std::vector<Outcome>& outcomes) {
  return std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.bad(); });
}

}  // namespace

std::string text_line(const Outcome& o) {
  std::string line = std::string(verdict_name(o.verdict));
  line.resize(10, ' ');
  line += o.name + "  (" + seconds(o.seconds) + " s)\n";
  if (o.bad()) line += "          a good plugin: " + o.claim + "\n";
  std::string_view text = o.text;
  while (!text.empty()) {
    const std::string_view first = text.substr(0, text.find('\n'));
    line += "          " + clean(first) + "\n";
    text.remove_prefix(std::min(first.size() + 1, text.size()));
  }
  return line;
}

std::string text_summary(const std::vector<Outcome>& outcomes) {
  return std::to_string(count(outcomes, Verdict::passed)) + " passed, " +
         std::to_string(count_bad(outcomes)) + " failed, " +
         std::to_string(count(outcomes, Verdict::skipped)) + " skipped\n";
}

std::string json_report(const std::string& plugin, const std::vector<Outcome>& outcomes) {
  std::string out = "{\"plugin\":" + quoted(plugin) + ",\"cases\":[", comma;
  for (const Outcome& o : outcomes) {
    out += comma + "{\"name\":" + quoted(o.name) +
           ",\"verdict\":" + quoted(verdict_name(o.verdict)) + ",\"claim\":" + quoted(o.claim) +
           ",\"text\":" + quoted(o.text) + ",\"seconds\":" + seconds(o.seconds) + "}";
    comma = ",";
  }
  return out + "],\"passed\":" + std::to_string(count(outcomes, Verdict::passed)) +
         ",\"failed\":" + std::to_string(count_bad(outcomes)) +
         ",\"skipped\":" + std::to_string(count(outcomes, Verdict::skipped)) + "}\n";
}

std::string junit_report(const std::string& plugin, const std::vector<Outcome>& outcomes) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + xml(plugin) +
                    "\" tests=\"" + std::to_string(outcomes.size()) + "\" failures=\"" +
                    std::to_string(count_bad(outcomes)) + "\" skipped=\"" +
                    std::to_string(count(outcomes, Verdict::skipped)) + "\">\n";
  for (const Outcome& o : outcomes) {
    out += "  <testcase name=\"" + xml(o.name) + "\" time=\"" + seconds(o.seconds) + "\">";
    if (o.bad())
      out += "<failure message=\"" + std::string(verdict_name(o.verdict)) + "\">" + xml(o.text) +
             "</failure>";
    if (o.verdict == Verdict::skipped) out += "<skipped message=\"" + xml(o.text) + "\"/>";
    out += "</testcase>\n";
  }
  return out + "</testsuite>\n";
}

}  // namespace serval::check
