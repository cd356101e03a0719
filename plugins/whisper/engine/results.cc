#include "plugins/whisper/engine/results.h"

#include <cmath>

#include "common/json.h"

namespace serval::whisper {
namespace {

double milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

json::array words_json(const Segment& segment) {
  json::array words;
  for (const Word& word : segment.words)
    words.push_back({{"word", word.text},
                     {"start", milliseconds(word.start)},
                     {"end", milliseconds(word.end)},
                     {"probability", double(word.probability)}});
  return words;
}

}  // namespace

std::string segment_json(const Segment& segment, int id, const WindowWork& work,
                         Timestamps timestamps) {
  const WindowResult& result = work.decoder->result();
  json::array tokens;
  for (const TokenId token : segment.tokens) tokens.push_back(token);
  json::object out{{"id", id},
                   {"seek", int64_t(work.audio.begin / kHop)},
                   {"start", milliseconds(segment.start)},
                   {"end", milliseconds(segment.end)},
                   {"tokens", std::move(tokens)},
                   {"temperature", double(result.temperature)},
                   {"avg_logprob", double(result.avg_logprob)},
                   {"compression_ratio", double(result.compression_ratio)},
                   {"no_speech_prob", double(result.no_speech_prob)},
                   {"degraded", result.verdict == Verdict::degraded}};
  if (timestamps == Timestamps::word) out["words"] = words_json(segment);
  return json::serialize(out);
}

std::string live_json(bool final, double start, double end, bool degraded) {
  json::object out{{"final", final}, {"start", milliseconds(start)}, {"end", milliseconds(end)}};
  if (final) out["degraded"] = degraded;
  return json::serialize(out);
}

std::string summary_json(const Job& job, const SpeechTokenizer& tokenizer) {
  json::array failed;
  for (const FailedWindow& window : job.failed)
    failed.push_back({{"start", milliseconds(window.begin)},
                      {"end", milliseconds(window.end)},
                      {"why", window.why}});
  const LanguageToken* language = tokenizer.find_language_token(job.language);
  return json::serialize(
      json::object{{"task", job.params.decode.translate ? "translate" : "transcribe"},
                   {"language", language == nullptr ? "" : language->language->name},
                   {"language_probability", double(job.language_prob)},
                   {"duration", milliseconds(job.seconds())},
                   {"speech_seconds", milliseconds(job.speech_seconds())},
                   {"damaged", job.damaged()},
                   {"failed", std::move(failed)}});
}

std::string usage_json(const Job& job) {
  return json::serialize(json::object{{"audio_seconds", milliseconds(job.seconds())},
                                      {"completion_tokens", job.tokens}});
}

std::string description_json(const SpeechTokenizer& tokenizer, const char* dtype, bool vad) {
  json::array languages;
  for (const LanguageToken& token : tokenizer.languages())
    languages.emplace_back(std::string(token.language->code));
  return json::serialize(json::object{{"kind", "transcribe"},
                                      {"family", "whisper"},
                                      {"multilingual", tokenizer.multilingual()},
                                      {"languages", std::move(languages)},
                                      {"dtype", dtype},
                                      {"vad", vad}});
}

}  // namespace serval::whisper
