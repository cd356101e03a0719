#include "host/protocols/openai/transcript.h"

#include <algorithm>
#include <cmath>

#include "host/protocols/json_text.h"
#include "serval/request.h"

namespace serval::host {
namespace {

Error broken(const std::string& what) {
  return error(Code::internal, "the model's plugin broke its contract: " + what);
}

std::string_view strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

bool number_in(const json::object& object, std::string_view key, double& number) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return false;
  number = value->to_number<double>();
  return true;
}

// 3661.5 -> "01:01:01,500"
void append_time(std::string& out, double seconds, char point) {
  const int64_t ms = std::llround(seconds * 1000);
  const auto two = [&](int64_t n) {
    if (n < 10) out += '0';
    append_number(out, n);
  };
  two(ms / 3'600'000);
  out += ':';
  two(ms / 60'000 % 60);
  out += ':';
  two(ms / 1000 % 60);
  out += point;
  const int64_t rest = ms % 1000;
  if (rest < 100) out += '0';
  two(rest);
}

void append_span(std::string& out, double start, double end) {
  out += "\"start\":";
  append_double(out, start);
  out += ",\"end\":";
  append_double(out, end);
}

}  // namespace

Result<std::pair<double, double>> Transcript::times(const json::object& meta) {
  double start = 0, end = 0;
  if (!number_in(meta, "start", start) || !number_in(meta, "end", end) || start < 0 ||
      end < start || end > 1e9)
    return broken("a piece of speech without start and end");
  return std::pair{start, end};
}

Status Transcript::take(const Event& event) {
  if (event.kind == SERVAL_EVENT_PROGRESS) return {};
  if (complete()) return broken("an event behind the last");
  if (event.kind == SERVAL_EVENT_TEXT && !event.last) return segment(event);
  if (event.kind == SERVAL_EVENT_JSON && event.last) return result(event);
  return broken("an event that is neither a segment nor the result");
}

Status Transcript::segment(const Event& event) {
  const Result<json::value> meta = parse_json(event.meta_json);
  if (!meta || !meta->is_object()) return broken("a segment without its description");
  const json::object& about = meta->get_object();
  const auto span = times(about);
  if (!span) return span.error();
  text_ += event.data;
  switch (form_.format) {
    case TranscriptFormat::json:
    case TranscriptFormat::text:
      return {};
    case TranscriptFormat::srt:
    case TranscriptFormat::vtt:
      cue(event.data, span->first, span->second);
      return {};
    case TranscriptFormat::verbose_json:
      break;
  }
  if (form_.segments)
    if (Status status = segment_json(event.data, about); !status) return status;
  return form_.words ? word_list(about) : Status();
}

void Transcript::cue(std::string_view text, double start, double end) {
  const bool srt = form_.format == TranscriptFormat::srt;
  if (srt) {
    append_number(cues_, ++cue_);
    cues_ += '\n';
  }
  append_time(cues_, start, srt ? ',' : '.');
  cues_ += " --> ";
  append_time(cues_, end, srt ? ',' : '.');
  cues_ += '\n';
  // An empty line would end the cue, an arrow would begin another.
  for (std::string_view rest = strip(text); !rest.empty();) {
    const std::size_t line_end = std::min(rest.find('\n'), rest.size());
    std::string line(strip(rest.substr(0, line_end)));
    rest.remove_prefix(std::min(line_end + 1, rest.size()));
    for (std::size_t at; (at = line.find("-->")) != std::string::npos;) line.replace(at, 3, "->");
    if (!line.empty()) cues_.append(line) += '\n';
  }
  cues_ += '\n';
}

Status Transcript::segment_json(const std::string& text, const json::object& meta) {
  double number = 0;
  const json::value* tokens = meta.if_contains("tokens");
  if (tokens == nullptr || !tokens->is_array()) return broken("a segment without tokens");
  if (!cues_.empty()) cues_ += ',';
  cues_ += '{';
  for (const char* key : {"id", "seek"}) {
    if (!number_in(meta, key, number)) return broken(std::string("a segment without ") + key);
    cues_.append("\"").append(key).append("\":");
    append_number(cues_, int64_t(number));
    cues_ += ',';
  }
  const auto span = *times(meta);
  append_span(cues_, span.first, span.second);
  cues_ += ",\"text\":";
  append_json_string(cues_, text);
  cues_ += ",\"tokens\":";
  cues_ += json::serialize(*tokens);
  for (const char* key : {"temperature", "avg_logprob", "compression_ratio", "no_speech_prob"}) {
    if (!number_in(meta, key, number)) return broken(std::string("a segment without ") + key);
    cues_.append(",\"").append(key).append("\":");
    append_double(cues_, number);
  }
  const json::value* degraded = meta.if_contains("degraded");
  if (degraded != nullptr && *degraded == true) cues_ += ",\"degraded\":true";
  cues_ += '}';
  return {};
}

Status Transcript::word_list(const json::object& meta) {
  const json::value* words = meta.if_contains("words");
  if (words == nullptr || !words->is_array()) return broken("a segment without words");
  for (const json::value& word : words->get_array()) {
    const json::object* about = word.if_object();
    const json::value* text = about != nullptr ? about->if_contains("word") : nullptr;
    if (text == nullptr || !text->is_string()) return broken("a word that is no object");
    const auto span = times(*about);
    if (!span) return span.error();
    words_ += words_.empty() ? "{\"word\":" : ",{\"word\":";
    append_json_string(words_, strip(text->get_string()));
    words_ += ',';
    append_span(words_, span->first, span->second);
    words_ += '}';
  }
  return {};
}

Status Transcript::result(const Event& event) {
  Result<json::value> result = parse_json(event.data);
  double number = 0;
  if (!result || !result->is_object() || !number_in(result->get_object(), "duration", number))
    return broken("a result without a duration");
  const json::object& about = result->get_object();
  for (const char* key : {"task", "language"}) {
    const json::value* text = about.if_contains(key);
    if (text == nullptr || !text->is_string())
      return broken(std::string("a result without ") + key);
  }
  if (const json::value* failed = about.if_contains("failed")) {
    if (!failed->is_array()) return broken("what failed is no array");
    for (const json::value& piece : failed->get_array()) {
      if (!piece.is_object()) return broken("what failed is no object");
      if (const auto span = times(piece.get_object()); !span) return span.error();
    }
  }
  result_ = std::move(*result);
  return {};
}

std::string_view Transcript::text() const { return strip(text_); }

double Transcript::duration() const { return result_.at("duration").to_number<double>(); }

void Transcript::append_usage(std::string& out) const {
  out += "{\"type\":\"duration\",\"seconds\":";
  append_double(out, duration());
  out += '}';
}

void Transcript::append_failed(std::string& out) const {
  const json::value* failed = result_.get_object().if_contains("failed");
  if (failed == nullptr || failed->get_array().empty()) return;
  out += ",\"failed\":[";
  for (const json::value& piece : failed->get_array()) {
    if (out.back() != '[') out += ',';
    const auto span = *times(piece.get_object());
    out += '{';
    append_span(out, span.first, span.second);
    out += ",\"why\":";
    const json::value* why = piece.get_object().if_contains("why");
    append_json_string(out, why != nullptr && why->is_string() ? why->get_string() : "");
    out += '}';
  }
  out += ']';
}

std::string Transcript::failed_seconds() const {
  std::string out;
  const json::value* failed = result_.get_object().if_contains("failed");
  if (failed == nullptr) return out;
  for (const json::value& piece : failed->get_array()) {
    if (!out.empty()) out += ", ";
    const auto span = *times(piece.get_object());
    append_double(out, span.first);
    out += '-';
    append_double(out, span.second);
  }
  return out;
}

std::string_view Transcript::content_type() const {
  const bool is_json =
      form_.format == TranscriptFormat::json || form_.format == TranscriptFormat::verbose_json;
  return is_json ? "application/json" : "text/plain; charset=utf-8";
}

std::string Transcript::body() const {
  std::string out;
  switch (form_.format) {
    case TranscriptFormat::text:
      return std::string(text()) + '\n';
    case TranscriptFormat::srt:
      return cues_;
    case TranscriptFormat::vtt:
      return "WEBVTT\n\n" + cues_;
    case TranscriptFormat::json:
      out = "{\"text\":";
      append_json_string(out, text());
      break;
    case TranscriptFormat::verbose_json: {
      const json::object& about = result_.get_object();
      // The language of the text, which a translation's is always.
      const bool translated = about.at("task") == "translate";
      out = "{\"task\":";
      append_json_string(out, about.at("task").get_string());
      out += ",\"language\":";
      append_json_string(out, translated ? "english" : about.at("language").get_string());
      out += ",\"duration\":";
      append_double(out, duration());
      out += ",\"text\":";
      append_json_string(out, text());
      if (form_.segments) out.append(",\"segments\":[").append(cues_) += ']';
      if (form_.words) out.append(",\"words\":[").append(words_) += ']';
    }
  }
  out += ",\"usage\":";
  append_usage(out);
  append_failed(out);
  return out += '}';
}

}  // namespace serval::host
