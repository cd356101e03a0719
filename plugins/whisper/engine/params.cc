#include "plugins/whisper/engine/params.h"

namespace serval::whisper {
namespace {

// Silence that ends a piece of live speech. A final text goes out when it is over: 256 ms behind
// the speech, in whole hops of the detector. Longer ones make better sentences and later texts.
constexpr int kLiveSilenceMs = 200;
// Shorter sounds are no speech: of a click a model that hears nothing else makes words.
constexpr int kLiveSpeechMs = 100;

void read_pcm(JsonReader& reader, RawPcm& pcm) {
  reader.read("sample_rate", pcm.rate, kMinRate, kMaxRate);
  reader.read("channels", pcm.channels, 1, kMaxChannels);
}

void read_encoding(JsonReader& reader, std::optional<RawPcm>& pcm) {
  std::string encoding = "file";
  reader.read("encoding", encoding);
  if (encoding == "pcm_s16le") {
    read_pcm(reader, pcm.emplace());
  } else if (encoding != "file") {
    reader.fail("encoding", "encoding must be file or pcm_s16le");
  }
}

void read_cut(JsonReader& reader, bool has_vad, CutOptions& cut) {
  bool vad = false;
  if (reader.value("vad") != nullptr) {
    reader.read("vad", vad);
    cut.vad = vad ? CutOptions::Vad::always : CutOptions::Vad::never;
    if (vad && !has_vad)
      reader.fail("vad", "vad cannot be true: this model has no weights to find speech with");
  }
  reader.read("vad_threshold", cut.speech.threshold, 0.01f, 0.99f);
  reader.read("vad_min_silence_ms", cut.speech.min_silence_ms, 0, 30'000);
  reader.read("vad_speech_pad_ms", cut.speech.speech_pad_ms, 0, 5'000);
}

// What is left to check once all has been read.
Status check(JsonReader& reader, const TranscribeParams& params, const SpeechTokenizer& tokenizer) {
  if (Status status = reader.finish(); !status) return status;
  if (Status status = check_vad_options(params.cut.speech); !status) return status;
  return check_decode_options(params.decode, tokenizer);
}

}  // namespace

Result<TranscribeParams> parse_transcribe(std::string_view params_json,
                                          const SpeechTokenizer& tokenizer, bool has_vad) {
  TranscribeParams params;
  const Result<json::object> parsed = parse_json_object(params_json.empty() ? "{}" : params_json,
                                                        "the parameters must be an object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  read_decode_options(reader, params.decode);
  read_encoding(reader, params.pcm);
  read_cut(reader, has_vad, params.cut);
  // The times that a model tells, and its words beside them, suffer when it does not see true
  // silence.
  if (params.decode.timestamps != Timestamps::none) params.cut.padding = Padding::full;
  reader.read("condition_on_previous_text", params.condition_on_previous_text);
  if (const Status status = check(reader, params, tokenizer); !status) return status.error();
  return params;
}

Result<LiveParams> parse_live(std::string_view params_json, const SpeechTokenizer& tokenizer,
                              bool has_vad) {
  LiveParams params;
  TranscribeParams& speech = params.speech;
  const Result<json::object> parsed = parse_json_object(params_json.empty() ? "{}" : params_json,
                                                        "the parameters must be an object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  if (reader.value("timestamps") != nullptr)
    reader.fail("timestamps", "transcribe_stream has no timestamps; each text has start and end");
  if (reader.value("encoding") != nullptr)
    reader.fail("encoding", "transcribe_stream has no encoding; its input is pcm_s16le");
  read_decode_options(reader, speech.decode);
  read_pcm(reader, speech.pcm.emplace());
  speech.cut.speech.live = true;
  speech.cut.speech.min_silence_ms = kLiveSilenceMs;
  speech.cut.speech.min_speech_ms = kLiveSpeechMs;
  read_cut(reader, has_vad, speech.cut);
  reader.read("condition_on_previous_text", speech.condition_on_previous_text);
  reader.read("partials", params.partials);
  if (const Status status = check(reader, speech, tokenizer); !status) return status.error();
  return params;
}

}  // namespace serval::whisper
