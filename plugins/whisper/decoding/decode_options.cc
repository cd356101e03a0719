#include "plugins/whisper/decoding/decode_options.h"

#include <cmath>

#include "common/formats/quoted_name.h"

namespace serval::whisper {
namespace {

constexpr std::size_t kMostSuppressed = 1024;
constexpr std::size_t kMostTemperatures = 16;
constexpr float kTemperatureStep = .2f;
constexpr float kNoLimit = 1e6f;
constexpr int64_t kMostSeed = int64_t(1) << 62;

void read_task(JsonReader& reader, DecodeOptions& options) {
  std::string task = options.translate ? "translate" : "transcribe";
  reader.read("task", task);
  if (task != "transcribe" && task != "translate")
    reader.fail("task", "task is " + quoted_name(task) + "; it must be transcribe or translate");
  options.translate = task == "translate";
}

void read_timestamps(JsonReader& reader, DecodeOptions& options) {
  constexpr std::string_view kNames[] = {"none", "segment", "word"};
  std::string name(kNames[int(options.timestamps)]);
  reader.read("timestamps", name);
  for (int i = 0; i < 3; ++i) {
    if (name != kNames[i]) continue;
    options.timestamps = Timestamps(i);
    return;
  }
  reader.fail("timestamps",
              "timestamps is " + quoted_name(name) + "; it must be none, segment or word");
}

// From `first` upwards to 1.
std::vector<float> ladder_from(float first) {
  std::vector<float> out;
  for (int i = 0; first + float(i) * kTemperatureStep < 1; ++i)
    out.push_back(first + float(i) * kTemperatureStep);
  out.push_back(1);
  return out;
}

void read_temperature(JsonReader& reader, DecodeOptions& options) {
  float temperature = 0;
  reader.read("temperature", temperature, 0, 1);
  if (temperature > 0) options.temperatures = ladder_from(temperature);
}

void read_suppressed(JsonReader& reader, DecodeOptions& options) {
  const json::value* found = reader.value("suppress_tokens");
  if (found == nullptr) return;
  const auto refuse = [&] {
    reader.fail("suppress_tokens", "suppress_tokens must be an array of at most " +
                                       std::to_string(kMostSuppressed) +
                                       " token ids; -1 stands for symbols that are not spoken");
  };
  if (!found->is_array() || found->get_array().size() > kMostSuppressed) return refuse();
  options.suppress.clear();
  for (const json::value& id : found->get_array()) {
    if (!id.is_int64() || id.get_int64() < -1 || id.get_int64() > INT32_MAX) return refuse();
    options.suppress.push_back(int(id.get_int64()));
  }
}

// The first option out of its range.
Status check_ranges(const DecodeOptions& o) {
  const auto number = [](const char* name, double value, double low, double high) -> Status {
    if (value >= low && value <= high) return {};
    return invalid(std::string(name) + " is " + std::to_string(value) + "; it must be from " +
                       std::to_string(low) + " to " + std::to_string(high),
                   name);
  };
  if (o.temperatures.empty() || o.temperatures.size() > kMostTemperatures)
    return invalid("there must be 1 to " + std::to_string(kMostTemperatures) + " temperatures",
                   "temperature");
  for (const float temperature : o.temperatures)
    if (Status status = number("temperature", double(temperature), 0, 1); !status) return status;
  const struct {
    const char* name;
    double value, low, high;
  } checks[] = {
      {"beam_size", double(o.beam_size), 1, kMostHypotheses},
      {"best_of", double(o.best_of), 1, kMostHypotheses},
      {"patience", double(o.patience), .1, 10},
      {"length_penalty", double(o.length_penalty), 0, 10},
      {"repetition_penalty", double(o.repetition_penalty), .1, 10},
      {"no_repeat_ngram_size", double(o.no_repeat_ngram), 0, kTextPositions},
      {"max_new_tokens", double(o.max_new_tokens), 0, kTextPositions},
      {"max_initial_timestamp", double(o.max_initial_timestamp), 0, 30},
      {"compression_ratio_threshold", double(o.compression_ratio_threshold), 0, double(kNoLimit)},
      {"log_prob_threshold", double(o.log_prob_threshold), -double(kNoLimit), 0},
      {"no_speech_threshold", double(o.no_speech_threshold), 0, 1},
  };
  for (const auto& check : checks)
    if (Status status = number(check.name, check.value, check.low, check.high); !status)
      return status;
  return {};
}

}  // namespace

void read_decode_options(JsonReader& reader, DecodeOptions& options) {
  read_task(reader, options);
  read_timestamps(reader, options);
  read_temperature(reader, options);
  read_suppressed(reader, options);
  reader.read("language", options.language);
  reader.read("prompt", options.initial_prompt);
  reader.read("hotwords", options.hotwords);
  reader.read("beam_size", options.beam_size, 1, kMostHypotheses);
  reader.read("best_of", options.best_of, 1, kMostHypotheses);
  reader.read("patience", options.patience, .1f, 10);
  reader.read("length_penalty", options.length_penalty, 0, 10);
  reader.read("repetition_penalty", options.repetition_penalty, .1f, 10);
  reader.read("no_repeat_ngram_size", options.no_repeat_ngram, 0, kTextPositions);
  reader.read("suppress_blank", options.suppress_blank);
  reader.read("compression_ratio_threshold", options.compression_ratio_threshold, 0, kNoLimit);
  reader.read("log_prob_threshold", options.log_prob_threshold, -kNoLimit, 0);
  reader.read("no_speech_threshold", options.no_speech_threshold, 0, 1);
  auto seed = int64_t(options.seed);
  reader.read("seed", seed, 0, kMostSeed);
  options.seed = uint64_t(seed);
}

Status check_decode_options(const DecodeOptions& options, const SpeechTokenizer& tokenizer) {
  if (Status status = check_ranges(options); !status) return status;
  if (std::lround(options.patience * float(options.beam_size)) < 1)
    return invalid("beam_size * patience is below 1", "patience");
  for (const int id : options.suppress)
    if (id < -1 || id >= tokenizer.vocab_size())
      return invalid("suppress_tokens has " + std::to_string(id) +
                         "; the model's tokens are 0 to " +
                         std::to_string(tokenizer.vocab_size() - 1),
                     "suppress_tokens");
  if (options.translate && !tokenizer.multilingual())
    return invalid("this model knows English only and cannot translate", "task");
  if (options.language.empty()) return {};
  if (find_language(options.language) == nullptr)
    return invalid("language " + quoted_name(options.language) +
                       " is not known; it must be a code like \"de\" or a name like \"german\"",
                   "language");
  if (tokenizer.find_language_token(options.language) == nullptr)
    return invalid(tokenizer.multilingual()
                       ? "this model does not know the language " + quoted_name(options.language)
                       : "this model knows English only, not " + quoted_name(options.language),
                   "language");
  return {};
}

}  // namespace serval::whisper
