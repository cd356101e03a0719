#include "host/observability/log_line.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "common/utf8.h"
#include "serval/host.h"

namespace serval::host {
namespace {

constexpr std::size_t kLongestMessage = 4u << 10;  // bytes, escaped
constexpr std::size_t kLongestKey = 128;
constexpr std::size_t kLongestValue = 2u << 10;
constexpr std::size_t kRoom = kLongestLogLine - 16;  // leaves place for the mark of a cut

std::string time_text(int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                int(unix_ns / 1'000'000 % 1000));
  return text;
}

// As in a JSON string, without the quotes; at most `most` bytes, cut between characters. Control
// characters, also those above ASCII that terminals and viewers take for line ends, are escaped.
std::string escape(std::string_view text, std::size_t most) {
  std::string out;
  while (!text.empty()) {
    const Utf8Char c = next_utf8(text);
    char piece[16];
    std::size_t length = 0;
    if (c.code == '"' || c.code == '\\')
      length = std::size_t(std::snprintf(piece, sizeof piece, "\\%c", char(c.code)));
    else if (c.code == '\n')
      length = std::size_t(std::snprintf(piece, sizeof piece, "\\n"));
    else if (c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0) || c.code == 0x2028 ||
             c.code == 0x2029)
      length = std::size_t(std::snprintf(piece, sizeof piece, "\\u%04x", unsigned(c.code)));
    if (length == 0) {
      std::string one;
      append_utf8(one, c.valid ? c.code : U'\xFFFD');
      length = one.copy(piece, sizeof piece);
    }
    if (out.size() + length + 3 > most) return out + "...";
    out.append(piece, length);
    text.remove_prefix(c.length);
  }
  return out;
}

bool plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

}  // namespace

std::string_view log_level_name(uint32_t level) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[std::min<uint32_t>(level, SERVAL_LOG_ERROR)];
}

std::string json_log_line(int64_t unix_ns, uint32_t level, std::string_view message,
                          std::span<const LogField> fields) {
  std::string line = "{\"time\":\"" + time_text(unix_ns) + "\",\"level\":\"" +
                     std::string(log_level_name(level)) + "\",\"message\":\"" +
                     escape(message, kLongestMessage) + '"';
  for (const LogField& field : fields) {
    const std::string piece =
        ",\"" + escape(field.key, kLongestKey) + "\":\"" + escape(field.value, kLongestValue) + '"';
    if (line.size() + piece.size() > kRoom) return line + ",\"cut\":\"yes\"}";
    line += piece;
  }
  return line + '}';
}

std::string text_log_line(int64_t unix_ns, uint32_t level, std::string_view message,
                          std::span<const LogField> fields) {
  std::string line = time_text(unix_ns) + ' ' + std::string(log_level_name(level));
  line.resize(30, ' ');  // the longest level has five letters
  line += escape(message, kLongestMessage);
  for (const LogField& field : fields) {
    std::string piece = ' ' + escape(field.key, kLongestKey) + '=';
    piece += plain(field.value) && field.value.size() <= kLongestValue
                 ? field.value
                 : '"' + escape(field.value, kLongestValue) + '"';
    if (line.size() + piece.size() > kRoom) return line + " cut=yes";
    line += piece;
  }
  return line;
}

}  // namespace serval::host
