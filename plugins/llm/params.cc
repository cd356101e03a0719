#include "plugins/llm/params.h"

#include <charconv>

#include "common/json_reader.h"

namespace serval::llm {
namespace {

constexpr std::size_t kMostBiases = 4096;
constexpr std::size_t kMostStops = 16;

void read_logit_bias(JsonReader& reader, int vocab_size, SamplingParams& sampling) {
  const json::value* value = reader.value("logit_bias");
  if (value == nullptr) return;
  if (!value->is_object() || value->get_object().size() > kMostBiases)
    return reader.fail("logit_bias", "logit_bias must be an object of at most " +
                                         std::to_string(kMostBiases) + " token ids");
  for (const auto& member : value->get_object()) {
    const std::string_view key(member.key());
    int32_t token = -1;
    const auto [end, parsed] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (parsed != std::errc() || end != key.data() + key.size() || token < 0 || token >= vocab_size)
      return reader.fail("logit_bias",
                         "logit_bias has the key \"" + std::string(key.substr(0, 40)) +
                             "\"; keys are token ids from 0 to " + std::to_string(vocab_size - 1));
    const double bias = member.value().is_number() ? member.value().to_number<double>() : 1e9;
    if (!(bias >= -100 && bias <= 100))
      return reader.fail("logit_bias", "logit_bias of token " + std::string(key) +
                                           " must be a number from -100 to 100");
    sampling.logit_bias.emplace_back(token, float(bias));
  }
}

void read_prompt_tokens(JsonReader& reader, int vocab_size, GenerateParams& params) {
  const json::value* value = reader.value("prompt_tokens");
  if (value == nullptr) return;
  if (!value->is_array())
    return reader.fail("prompt_tokens", "prompt_tokens must be an array of token ids");
  std::vector<int32_t> tokens;
  tokens.reserve(value->get_array().size());
  for (const json::value& item : value->get_array()) {
    const int64_t token = item.is_int64() ? item.get_int64() : -1;
    if (token < 0 || token >= vocab_size)
      return reader.fail("prompt_tokens", "prompt_tokens must be token ids from 0 to " +
                                              std::to_string(vocab_size - 1));
    tokens.push_back(int32_t(token));
  }
  params.prompt_tokens = std::move(tokens);
}

void read_seed(JsonReader& reader, SamplingParams& sampling) {
  const json::value* value = reader.value("seed");
  if (value == nullptr) return;
  if (value->is_int64()) {
    sampling.seed = uint64_t(value->get_int64());
  } else if (value->is_uint64()) {
    sampling.seed = value->get_uint64();
  } else {
    reader.fail("seed", "seed must be an integer");
  }
}

}  // namespace

Result<GenerateParams> parse_params(std::string_view params_json, bool chat, int vocab_size,
                                    const SamplingParams& defaults) {
  const Result<json::object> parsed = parse_json_object(params_json, "the parameters must be a JSON object");
  if (!parsed) return parsed.error();

  GenerateParams params;
  SamplingParams& sampling = params.sampling;
  sampling = defaults;
  JsonReader reader(*parsed);
  reader.read("max_tokens", params.max_tokens, 0, 1 << 24);
  reader.read("temperature", sampling.temperature, 0.0f, 2.0f);
  reader.read("top_p", sampling.top_p, 0.0f, 1.0f);
  reader.read("min_p", sampling.min_p, 0.0f, 1.0f);
  reader.read("top_k", sampling.top_k, 0, 1 << 24);
  reader.read("repetition_penalty", sampling.repetition_penalty, 0.01f, 10.0f);
  reader.read("frequency_penalty", sampling.frequency_penalty, -2.0f, 2.0f);
  reader.read("presence_penalty", sampling.presence_penalty, -2.0f, 2.0f);
  read_logit_bias(reader, vocab_size, sampling);
  read_seed(reader, sampling);
  reader.read("stop", params.stop, kMostStops);
  reader.read("n", params.n, 1, 128);
  reader.read("logprobs", params.logprobs);
  reader.read("top_logprobs", params.top_logprobs, 0, 20);
  reader.read("ignore_eos", params.ignore_eos);
  if (chat) {
    if (const json::value* value = reader.value("template_params")) {
      if (value->is_object()) {
        params.template_params = value->get_object();
      } else {
        reader.fail("template_params", "template_params must be an object");
      }
    }
    if (const json::value* value = reader.value("tools")) {
      if (value->is_array()) {
        params.tools = value->get_array();
      } else {
        reader.fail("tools", "tools must be an array");
      }
    }
  } else {
    reader.read("echo", params.echo);
    read_prompt_tokens(reader, vocab_size, params);
  }
  for (const std::string& stop : params.stop)
    if (stop.empty()) reader.fail("stop", "stop holds an empty string");
  if (params.top_logprobs > 0 && !params.logprobs)
    reader.fail("top_logprobs", "top_logprobs needs logprobs to be true");
  if (const Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::llm
