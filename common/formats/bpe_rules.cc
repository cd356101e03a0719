#include "common/formats/bpe_rules.h"

#include <string>

namespace serval {
namespace {

struct Named {
  std::string_view name;
  BpeRules rules;
};

constexpr BpeRules kGpt2{PreTokenizer::gpt2};
constexpr BpeRules kSmollm{PreTokenizer::smollm};
constexpr BpeRules kQwen2{PreTokenizer::qwen2, true};
constexpr BpeRules kLlama3{PreTokenizer::llama3, false, true, true};

constexpr Named kRules[] = {
    {"gpt-2", kGpt2},
    {"gpt2", kGpt2},
    {"default", kGpt2},
    {"phi-2", kGpt2},
    {"smollm", kSmollm},
    {"starcoder", kSmollm},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"qwen35", {PreTokenizer::qwen35, true}},
    {"llama-bpe", kLlama3},
    {"llama3", kLlama3},
    {"llama-v3", kLlama3},
    {"deepseek-llm", {PreTokenizer::deepseek_llm}},
    {"deepseek-coder", {PreTokenizer::deepseek_coder}},
    {"deepseek-v3", {PreTokenizer::deepseek_v3}},
};

}  // namespace

Result<BpeRules> bpe_rules_named(std::string_view name) {
  std::string known;
  for (const Named& named : kRules) {
    if (named.name == name) return named.rules;
    (known += known.empty() ? "" : ", ") += named.name;
  }
  return error(Code::unimplemented, "pre-tokenizer \"" + std::string(name.substr(0, 64)) +
                                        "\" is not supported; supported are " + known);
}

}  // namespace serval
