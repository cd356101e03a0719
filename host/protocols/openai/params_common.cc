#include <limits>

#include "host/protocols/openai/params.h"

namespace serval::host {
namespace {

constexpr int kMostTokens = 1 << 30;
constexpr std::size_t kMostStops = 16;
constexpr std::size_t kMostSaltBytes = 128;

void read_float(JsonReader& reader, std::string_view key, float low, float high,
                GenerateParams& params) {
  float checked = 0;
  reader.read(key, checked, low, high);
  pass_on(reader, key, params);
}

void read_int(JsonReader& reader, std::string_view key, int64_t low, int64_t high,
              GenerateParams& params) {
  int64_t checked = 0;
  if (reader.value(key) == nullptr) return;
  reader.read(key, checked, low, high);
  params.plugin[key] = checked;
}

void read_stop(JsonReader& reader, GenerateParams& params) {
  const json::value* stop = reader.value("stop");
  if (stop == nullptr) return;
  std::vector<std::string> texts;
  if (stop->is_string()) {
    texts.emplace_back(stop->get_string());
  } else {
    reader.read("stop", texts, kMostStops);
  }
  json::array checked;
  for (const std::string& text : texts) {
    if (text.empty()) return reader.fail("stop", "stop has an empty string");
    checked.emplace_back(text);
  }
  if (!checked.empty()) params.plugin["stop"] = std::move(checked);
}

void read_logit_bias(JsonReader& reader, GenerateParams& params) {
  const json::value* bias = reader.value("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object())
    return reader.fail("logit_bias", "logit_bias must be an object of token ids to numbers");
  for (const auto& [token, amount] : bias->get_object()) {
    const std::string_view id = token;
    const bool is_id = !id.empty() && id.size() <= 9 &&
                       id.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_id)
      return reader.fail("logit_bias", "logit_bias has the key " +
                                           json::serialize(json::value(id.substr(0, 40))) +
                                           "; it must be a token id");
    const double number = amount.is_number() ? amount.to_number<double>() : 1e9;
    if (!(number >= -100 && number <= 100))
      return reader.fail("logit_bias", "logit_bias of token " + std::string(id) +
                                           " must be a number from -100 to 100");
  }
  if (!bias->get_object().empty()) params.plugin["logit_bias"] = *bias;
}

void read_stream_options(JsonReader& reader, GenerateParams& params) {
  const json::value* options = reader.value("stream_options");
  if (options == nullptr) return;
  if (!options->is_object())
    return reader.fail("stream_options", "stream_options must be an object");
  if (!params.stream)
    return reader.fail("stream_options", "stream_options is allowed with \"stream\": true only");
  JsonReader inner(options->get_object());
  bool obfuscation = false;
  inner.read("include_usage", params.include_usage);
  inner.read("include_obfuscation", obfuscation);
  if (obfuscation) inner.fail("include_obfuscation", "include_obfuscation is not supported");
  if (const Status status = inner.finish(); !status)
    reader.fail("stream_options." + status.error().param,
                "stream_options: " + status.error().message);
}

}  // namespace

void pass_on(JsonReader& reader, std::string_view key, GenerateParams& params) {
  if (const json::value* value = reader.value(key)) params.plugin[key] = *value;
}

void refuse_unsupported(JsonReader& reader, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (reader.value(key) != nullptr)
      reader.fail(key, std::string(key) + " is not supported by this server");
}

void read_common(JsonReader& reader, GenerateParams& params) {
  reader.read("model", params.model);
  if (reader.value("model") == nullptr) reader.fail("model", "model is missing");

  read_float(reader, "temperature", 0, 2, params);
  read_float(reader, "top_p", 0, 1, params);
  read_float(reader, "min_p", 0, 1, params);
  read_int(reader, "top_k", 0, kMostTokens, params);
  read_float(reader, "repetition_penalty", 0, 10, params);
  if (const json::value* penalty = reader.value("repetition_penalty");
      penalty != nullptr && penalty->is_number() && penalty->to_number<double>() == 0)
    reader.fail("repetition_penalty", "repetition_penalty must be above 0");
  read_float(reader, "frequency_penalty", -2, 2, params);
  read_float(reader, "presence_penalty", -2, 2, params);
  read_int(reader, "seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
           params);
  read_logit_bias(reader, params);
  read_stop(reader, params);

  bool checked = false;
  reader.read("ignore_eos", checked);
  pass_on(reader, "ignore_eos", params);

  reader.read("n", params.n, 1, 128);
  if (params.n != 1) params.plugin["n"] = params.n;
  reader.read("stream", params.stream);
  read_stream_options(reader, params);

  // Names the end user to whom a provider may have to trace abuse. Here keys and tenants do that,
  // so it is checked and has no effect.
  std::string user;
  reader.read("user", user);

  reader.read("cache_salt", params.cache_salt);
  if (params.cache_salt.size() > kMostSaltBytes)
    reader.fail("cache_salt", "cache_salt has " + std::to_string(params.cache_salt.size()) +
                                  " bytes; at most " + std::to_string(kMostSaltBytes) +
                                  " are allowed");

  std::string tier = "auto";
  reader.read("service_tier", tier);
  if (tier != "auto" && tier != "default")
    reader.fail("service_tier", "service_tier must be \"auto\" or \"default\"");
}

}  // namespace serval::host
