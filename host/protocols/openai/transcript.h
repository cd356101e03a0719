// What a model heard, as OpenAI's API writes it: json, text, srt, verbose_json, vtt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/json.h"
#include "host/request/request.h"

namespace serval::host {

enum class TranscriptFormat { json, text, srt, verbose_json, vtt };

struct TranscriptForm {
  TranscriptFormat format = TranscriptFormat::json;
  bool segments = false, words = false;  // in verbose_json
};

// Gathers the events of one `transcribe` (docs/requests.md) and writes the answer.
class Transcript {
 public:
  explicit Transcript(const TranscriptForm& form) : form_(form) {}

  // A segment, or the result behind the last of them. internal: it breaks the operation's contract.
  Status take(const Event& event);

  // What a live stream needs of a segment: its times are in the event's description.
  // internal: they are not.
  static Result<std::pair<double, double>> times(const json::object& meta);

  // The last event has come.
  bool complete() const { return !result_.is_null(); }
  std::size_t bytes() const { return text_.size() + cues_.size() + words_.size(); }

  // The text so far, without white space at its ends.
  std::string_view text() const;

  // REQUIRES: complete()
  std::string body() const;
  std::string_view content_type() const;
  std::string_view language() const { return result_.at("language").get_string(); }
  // {"type":"duration","seconds":11}
  void append_usage(std::string& out) const;
  // What the model could not make out, if anything: ,"failed":[{"start":..,"end":..,"why":..}]
  void append_failed(std::string& out) const;
  // The same as a header's value: "30-58.2, 90-95"; "" for none.
  std::string failed_seconds() const;

 private:
  Status segment(const Event& event);
  Status result(const Event& event);
  Status segment_json(const std::string& text, const json::object& meta);
  Status word_list(const json::object& meta);
  void cue(std::string_view text, double start, double end);
  double duration() const;

  const TranscriptForm form_;
  std::string text_;
  std::string cues_;   // of srt and vtt; the elements of verbose_json's segments
  std::string words_;  // the elements of verbose_json's words
  int cue_ = 0;
  json::value result_;  // the model's last event
};

}  // namespace serval::host
