// Logits and greedy continuations against transformers (tools/golden/llm.py).
#include <cmath>
#include <fstream>

#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

struct Prompt {
  std::vector<int32_t> tokens;
  std::vector<float> logits;  // [tokens, vocab]
  std::vector<int32_t> greedy;
};

template <class T>
std::vector<T> read(std::ifstream& in, std::size_t count) {
  std::vector<T> values(count);
  in.read(reinterpret_cast<char*>(values.data()), std::streamsize(count * sizeof(T)));
  EXPECT_TRUE(in.good());
  return values;
}

std::vector<Prompt> read_golden(const std::string& name, int vocab) {
  std::ifstream in(golden_path(name + ".golden"), std::ios::binary);
  std::vector<Prompt> prompts(std::size_t(read<int32_t>(in, 1)[0]));
  for (Prompt& p : prompts) {
    const auto n = std::size_t(read<int32_t>(in, 1)[0]);
    p.tokens = read<int32_t>(in, n);
    p.logits = read<float>(in, n * std::size_t(vocab));
    p.greedy = read<int32_t>(in, std::size_t(read<int32_t>(in, 1)[0]));
  }
  return prompts;
}

class Golden : public testing::TestWithParam<const char*> {};

// All rows at once, and again in chunks of every small size: within the tolerance of float32 summed
// in another order, and bitwise the same at any chunking.
TEST_P(Golden, LogitsEqualTransformers) {
  LlmConfig config;
  config.kv_type = KvType::f32;
  config.threads = 2;
  auto loaded = load_golden(GetParam(), config);
  ASSERT_TRUE(loaded);
  Model& model = loaded->model();
  const int vocab = model.shape().vocab;
  auto kv = KvMemory::allocate(model.shape(), KvType::f32, 8);
  ASSERT_TRUE(kv.ok());
  const std::vector<int> blocks{5, 2, 7, 0};
  for (const Prompt& prompt : read_golden(GetParam(), vocab)) {
    const int n = int(prompt.tokens.size());
    std::vector<float> whole;
    for (const int chunk : {n, 1, 2, 7, 33}) {
      std::vector<float> got;
      for (int at = 0; at < n; at += chunk) {
        const int count = std::min(chunk, n - at);
        const ModelSlice slice{prompt.tokens.data() + at, count, at, blocks, 0};
        ASSERT_EQ(model.forward({&slice, 1}, *kv), count);
        for (int row = 0; row < count; row += Model::kLogitRows) {
          const int rows = std::min(Model::kLogitRows, count - row);
          const float* logits = model.logits(row, rows);
          got.insert(got.end(), logits, logits + std::ptrdiff_t(rows) * vocab);
        }
      }
      if (whole.empty()) {
        whole = got;
        float largest = 0, worst = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
          largest = std::max(largest, std::abs(prompt.logits[i]));
          worst = std::max(worst, std::abs(prompt.logits[i] - got[i]));
        }
        EXPECT_LE(worst, 2e-4f * largest) << n << " tokens";
      }
      EXPECT_EQ(got, whole) << "chunks of " << chunk;
    }
  }
}

TEST_P(Golden, GreedyContinuationEqualsTransformers) {
  LlmConfig config;
  config.kv_type = KvType::f32;
  auto loaded = load_golden(GetParam(), config);
  ASSERT_TRUE(loaded);
  for (const Prompt& prompt : read_golden(GetParam(), loaded->model().shape().vocab)) {
    std::string list, want = "[";
    for (int32_t token : prompt.tokens) list += (list.empty() ? "" : ",") + std::to_string(token);
    const Outcome outcome = generate(
        loaded->engine(), "",
        R"({"temperature":0,"max_tokens":64,"ignore_eos":true,"logprobs":true,"prompt_tokens":[)" +
            list + "]}");
    std::vector<int32_t> got;
    for (std::size_t at = 0; (at = outcome.meta.find("\"id\":", at)) != std::string::npos; at += 5)
      got.push_back(std::atoi(outcome.meta.c_str() + at + 5));
    EXPECT_EQ(got, prompt.greedy);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::Values("llama", "llama3-rope", "qwen2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace serval::llm
