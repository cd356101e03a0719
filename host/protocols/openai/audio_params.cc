#include <algorithm>
#include <charconv>

#include "host/protocols/openai/audio.h"
#include "host/protocols/openai/form_fields.h"

namespace serval::host {
namespace {

constexpr std::string_view kFormats[] = {"json", "text", "srt", "verbose_json", "vtt"};

// What stays text even if it looks like a number.
constexpr std::string_view kTexts[] = {"model",           "language",       "prompt",
                                       "hotwords",        "encoding",       "keywords",
                                       "response_format", "suppress_tokens"};

enum class Kind { text, number, integer, boolean };

// Parameters of `transcribe` (docs/requests.md) under their own names. Only types are looked at
// here: what a model can do with a value it says itself.
struct Option {
  const char* key;
  Kind kind;
};
constexpr Option kOptions[] = {{"language", Kind::text},
                               {"prompt", Kind::text},
                               {"hotwords", Kind::text},
                               {"beam_size", Kind::integer},
                               {"best_of", Kind::integer},
                               {"no_repeat_ngram_size", Kind::integer},
                               {"vad_min_silence_ms", Kind::integer},
                               {"vad_speech_pad_ms", Kind::integer},
                               {"seed", Kind::integer},
                               {"sample_rate", Kind::integer},
                               {"channels", Kind::integer},
                               {"patience", Kind::number},
                               {"length_penalty", Kind::number},
                               {"repetition_penalty", Kind::number},
                               {"compression_ratio_threshold", Kind::number},
                               {"log_prob_threshold", Kind::number},
                               {"no_speech_threshold", Kind::number},
                               {"vad_threshold", Kind::number},
                               {"suppress_blank", Kind::boolean},
                               {"condition_on_previous_text", Kind::boolean},
                               {"vad", Kind::boolean}};

const char* wanted(const json::value& value, Kind kind) {
  switch (kind) {
    case Kind::text:
      return value.is_string() ? nullptr : "text";
    case Kind::number:
      return value.is_number() ? nullptr : "a number";
    case Kind::integer:
      return value.is_int64() ? nullptr : "an integer";
    case Kind::boolean:
      return value.is_bool() ? nullptr : "true or false";
  }
  return nullptr;
}

void read_option(JsonReader& reader, const Option& option, std::string_view as,
                 json::object& plugin) {
  const json::value* value = reader.value(option.key);
  if (value == nullptr) return;
  if (const char* want = wanted(*value, option.kind))
    return reader.fail(option.key, std::string(option.key) + " must be " + want);
  plugin[as] = *value;
}

// "-1,50362", or an item each.
void read_suppressed(JsonReader& reader, json::object& plugin) {
  const json::value* value = reader.value("suppress_tokens");
  if (value == nullptr) return;
  json::array items;
  if (value->is_array()) items = value->get_array();
  if (value->is_string()) items.push_back(*value);
  json::array ids;
  for (const json::value& item : items) {
    if (item.is_int64()) {
      ids.push_back(item);
      continue;
    }
    const std::string_view text = item.is_string() ? item.get_string() : std::string_view("?");
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end; ++at) {
      int32_t id = 0;
      const auto [stop, ec] = std::from_chars(at, end, id);
      if (ec != std::errc() || (stop != end && (*stop != ',' || stop + 1 == end)))
        return reader.fail("suppress_tokens", "suppress_tokens must be token ids, as \"-1,220\"");
      ids.emplace_back(id);
      at = stop;
    }
  }
  plugin["suppress_tokens"] = std::move(ids);
}

// OpenAI's name for words that are likely to be said.
void read_keywords(JsonReader& reader, json::object& plugin) {
  std::vector<std::string> keywords;
  reader.read("keywords", keywords, 1000);
  if (keywords.empty()) return;
  if (plugin.contains("hotwords"))
    return reader.fail("keywords", "keywords and hotwords say the same; give one of them");
  std::string all;
  for (const std::string& keyword : keywords) all += (all.empty() ? "" : ", ") + keyword;
  plugin["hotwords"] = all;
}

void read_temperature(JsonReader& reader, json::object& plugin) {
  float checked = 0;
  reader.read("temperature", checked, 0, 1);
  if (const json::value* value = reader.value("temperature")) plugin["temperature"] = *value;
}

// "auto", or an object with settings of the voice detection.
void read_chunking(JsonReader& reader, json::object& plugin) {
  const json::value* chunking = reader.value("chunking_strategy");
  if (chunking == nullptr) return;
  Result<json::value> parsed = *chunking;
  if (chunking->is_string() && chunking->get_string().starts_with('{'))
    parsed = parse_json(chunking->get_string());
  if (parsed && *parsed == "auto") {
    plugin["vad"] = true;
    return;
  }
  if (!parsed || !parsed->is_object())
    return reader.fail("chunking_strategy",
                       "chunking_strategy must be \"auto\" or an object of type server_vad");
  JsonReader inner(parsed->get_object());
  std::string type;
  inner.read("type", type);
  if (type != "server_vad") inner.fail("type", "type must be \"server_vad\"");
  read_option(inner, {"threshold", Kind::number}, "vad_threshold", plugin);
  read_option(inner, {"prefix_padding_ms", Kind::integer}, "vad_speech_pad_ms", plugin);
  read_option(inner, {"silence_duration_ms", Kind::integer}, "vad_min_silence_ms", plugin);
  if (const Status status = inner.finish(); !status)
    return reader.fail("chunking_strategy", "chunking_strategy: " + status.error().message);
  plugin["vad"] = true;
}

void read_form(JsonReader& reader, TranscriptionParams& params) {
  std::string format(kFormats[0]);
  reader.read("response_format", format);
  const auto* const found = std::find(std::begin(kFormats), std::end(kFormats), format);
  if (found == std::end(kFormats))
    return reader.fail("response_format",
                       "response_format must be json, text, srt, verbose_json or vtt");
  TranscriptForm& form = params.form;
  form.format = TranscriptFormat(found - kFormats);
  const bool verbose = form.format == TranscriptFormat::verbose_json;
  if (params.stream && form.format != TranscriptFormat::json)
    return reader.fail("response_format", "response_format must be json with stream");

  std::vector<std::string> granularities;
  reader.read("timestamp_granularities", granularities, 2);
  if (!granularities.empty() && !verbose)
    return reader.fail("timestamp_granularities",
                       "timestamp_granularities needs response_format verbose_json");
  form.segments = granularities.empty();
  for (const std::string& granularity : granularities) {
    form.segments = form.segments || granularity == "segment";
    form.words = form.words || granularity == "word";
    if (granularity != "segment" && granularity != "word")
      return reader.fail("timestamp_granularities",
                         "timestamp_granularities must be word or segment");
  }
  const bool timed =
      verbose || form.format == TranscriptFormat::srt || form.format == TranscriptFormat::vtt;
  params.plugin["timestamps"] = form.words ? "word" : timed ? "segment" : "none";
}

void refuse(JsonReader& reader) {
  for (const char* key :
       {"include", "known_speaker_names", "known_speaker_references", "languages"})
    if (reader.value(key) != nullptr)
      reader.fail(key, std::string(key) + " is not supported by this server");
}

// Takes the file out of the parts.
Status take_file(std::vector<FormPart>& parts) {
  const auto is_file = [](const FormPart& part) { return part.name == "file"; };
  const auto found = std::find_if(parts.begin(), parts.end(), is_file);
  if (found == parts.end()) return invalid("file is missing", "file");
  if (!found->is_file) return invalid("file must be a file, with a filename", "file");
  if (found->bytes == 0) return invalid("file is empty", "file");
  parts.erase(found);
  if (std::any_of(parts.begin(), parts.end(), is_file))
    return invalid("file is given twice", "file");
  for (const FormPart& part : parts)
    if (part.is_file) return invalid(part.name + " must not be a file", part.name);
  return {};
}

}  // namespace

void read_speech_options(JsonReader& reader, json::object& plugin) {
  read_temperature(reader, plugin);
  for (const Option& option : kOptions) read_option(reader, option, option.key, plugin);
  read_suppressed(reader, plugin);
  read_keywords(reader, plugin);
}

Result<TranscriptionParams> parse_transcription(std::span<const FormPart> parts, bool translate) {
  std::vector<FormPart> others(parts.begin(), parts.end());
  TranscriptionParams params;
  const Status file = take_file(others);
  const Result<json::object> fields = form_fields(others, kTexts);
  if (!fields) return fields.error();

  JsonReader reader(*fields);
  reader.read("model", params.model);
  if (params.model.empty()) reader.fail("model", "model is missing");
  if (!file) reader.fail(file.error().param, file.error().message);
  params.plugin["task"] = translate ? "translate" : "transcribe";
  reader.read("stream", params.stream);
  read_form(reader, params);
  read_option(reader, {"encoding", Kind::text}, "encoding", params.plugin);
  read_speech_options(reader, params.plugin);
  read_chunking(reader, params.plugin);
  refuse(reader);
  if (const Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::host
