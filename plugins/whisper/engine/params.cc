#include "plugins/whisper/engine/params.h"

namespace serval::whisper {
namespace {

void read_encoding(JsonReader& reader, std::optional<RawPcm>& pcm) {
  std::string encoding = "file";
  reader.read("encoding", encoding);
  if (encoding == "pcm_s16le") {
    pcm.emplace();
    reader.read("sample_rate", pcm->rate, kMinRate, kMaxRate);
    reader.read("channels", pcm->channels, 1, kMaxChannels);
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
  reader.read("condition_on_previous_text", params.condition_on_previous_text);
  if (const Status status = reader.finish(); !status) return status.error();
  if (const Status status = check_vad_options(params.cut.speech); !status) return status.error();
  if (const Status status = check_decode_options(params.decode, tokenizer); !status)
    return status.error();
  return params;
}

}  // namespace serval::whisper
