// POST /v1/audio/transcriptions and /v1/audio/translations, and the WebSocket
// /v1/audio/transcriptions/stream.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/json_reader.h"
#include "host/protocols/multipart_form.h"
#include "host/protocols/openai/routes.h"
#include "host/protocols/openai/transcript.h"

namespace serval::host {

// A form, checked and turned into parameters of `transcribe`.
struct TranscriptionParams {
  std::string model;
  json::object plugin;
  TranscriptForm form;
  bool stream = false;
};

// The field is in `param` of an error.
Result<TranscriptionParams> parse_transcription(std::span<const FormPart> parts, bool translate);

// Reads what both have: options of `transcribe` under their own names.
void read_speech_options(JsonReader& reader, json::object& plugin);

// The first message of a live stream, checked and turned into parameters of `transcribe_stream`.
struct LiveParams {
  std::string model;
  json::object plugin;
  int64_t bytes_per_second = 0;  // of audio
};
Result<LiveParams> parse_live(std::string_view message);

// The reply to a transcription that has been submitted.
struct TranscriptionSetup {
  std::shared_ptr<Call> call;
  std::deque<Event> heard;  // its first events, which have been taken already
  TranscriptForm form;
  bool streamed = false;
  std::size_t response_bytes = 0;
  uint64_t received_ns = 0;
};
std::unique_ptr<Reply> transcription_reply(TranscriptionSetup setup);

// So many uploads at a time are heard before they are complete. Each holds a request of a model for
// as long as its client likes; others are received first. Thread-safe.
class EarlyPlaces {
 public:
  bool take() {
    if (taken_.fetch_add(1) < kMost) return true;
    give_back();
    return false;
  }
  void give_back() { taken_.fetch_sub(1); }

 private:
  static constexpr int kMost = 16;
  std::atomic<int> taken_{0};
};

// Takes forms with audio as they arrive. The model begins with a long one before all of it is
// there.
Receiver transcription_receiver(const OpenAiOptions& options,
                                const std::shared_ptr<EarlyPlaces>& places, bool translate);

Handled transcribe_live(const OpenAiOptions& options, const HttpRequest& http);

}  // namespace serval::host
