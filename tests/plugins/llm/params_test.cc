#include "plugins/llm/params.h"

#include <gtest/gtest.h>

namespace serval::llm {
namespace {

TEST(ParseParams, ReadsThemAll) {
  const auto params = parse_params(
      R"({"max_tokens":5,"temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"n":3,
          "repetition_penalty":1.1,"frequency_penalty":-1,"presence_penalty":2,
          "logit_bias":{"7":-100,"0":1.5},"seed":42,"stop":["a","b"],"logprobs":true,
          "top_logprobs":4,"echo":true,"ignore_eos":true,"prompt_tokens":[1,2,9]})",
      false, 10, {});
  ASSERT_TRUE(params.ok()) << params.error().message;
  EXPECT_EQ(params->max_tokens, 5);
  EXPECT_FLOAT_EQ(params->sampling.temperature, 0.5f);
  EXPECT_EQ(params->sampling.logit_bias.size(), 2u);
  EXPECT_EQ(params->sampling.seed, 42u);
  EXPECT_EQ(params->stop.size(), 2u);
  EXPECT_EQ(params->prompt_tokens->back(), 9);
  EXPECT_TRUE(params->sampling.penalises());
}

TEST(ParseParams, DefaultsAreTheModels) {
  SamplingParams defaults;
  defaults.temperature = 0.2f;
  const auto params = parse_params(R"({"temperature":null})", true, 10, defaults);
  ASSERT_TRUE(params.ok());
  EXPECT_FLOAT_EQ(params->sampling.temperature, 0.2f);
}

struct Bad {
  const char* text;
  const char* param;
};

class BadParams : public testing::TestWithParam<Bad> {};

TEST_P(BadParams, IsRefusedByName) {
  const auto params = parse_params(GetParam().text, false, 10, {});
  ASSERT_FALSE(params.ok());
  EXPECT_EQ(params.error().code, Code::invalid_argument);
  EXPECT_EQ(params.error().param, GetParam().param) << params.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadParams,
    testing::Values(Bad{"[]", ""}, Bad{"{", ""}, Bad{R"({"temperature":2.1})", "temperature"},
                    Bad{R"({"temperature":"hot"})", "temperature"}, Bad{R"({"n":0})", "n"},
                    Bad{R"({"n":1.5})", "n"}, Bad{R"({"max_tokens":-1})", "max_tokens"},
                    Bad{R"({"logit_bias":{"10":1}})", "logit_bias"},
                    Bad{R"({"logit_bias":{"x":1}})", "logit_bias"},
                    Bad{R"({"logit_bias":{"1":101}})", "logit_bias"},
                    Bad{R"({"logit_bias":[1]})", "logit_bias"}, Bad{R"({"seed":1.5})", "seed"},
                    Bad{R"({"stop":"x"})", "stop"}, Bad{R"({"stop":[""]})", "stop"},
                    Bad{R"({"stop":[1]})", "stop"}, Bad{R"({"top_logprobs":3})", "top_logprobs"},
                    Bad{R"({"prompt_tokens":[10]})", "prompt_tokens"},
                    Bad{R"({"prompt_tokens":["a"]})", "prompt_tokens"},
                    Bad{R"({"tools":[]})", "tools"}, Bad{R"({"beam_width":2})", "beam_width"}));

}  // namespace
}  // namespace serval::llm
