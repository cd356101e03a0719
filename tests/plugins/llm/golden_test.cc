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

std::vector<Prompt> read_golden(std::string name, int vocab) {
  name.resize(std::min(name.find(".hf"), name.size()));
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

// One loaded model and a cache of its own.
struct Runner {
  explicit Runner(const char* name, int threads = 2) {
    LlmConfig config;
    config.threads = threads;
    loaded = load_golden(name, config);
    if (loaded == nullptr) return;
    Result<KvMemory> memory = KvMemory::allocate(model().shape(), KvType::f32, 16);
    EXPECT_TRUE(memory.ok());
    kv = std::move(*memory);
    prompts = read_golden(name, model().shape().vocab);
  }
  Model& model() const { return loaded->model(); }

  // All rows of the slices' logits.
  std::vector<float> run(std::span<const ModelSlice> slices) {
    std::vector<float> out;
    const int wanted = model().forward(slices, kv);
    for (int row = 0; row < wanted; row += Model::kLogitRows) {
      const int rows = std::min(Model::kLogitRows, wanted - row);
      const float* logits = model().logits(row, rows);
      out.insert(out.end(), logits, logits + std::ptrdiff_t(rows) * model().shape().vocab);
    }
    return out;
  }

  // The prompt in chunks of so many tokens.
  std::vector<float> run(const Prompt& prompt, int chunk) {
    const std::vector<int> blocks{5, 2, 7, 0};
    std::vector<float> out;
    const int n = int(prompt.tokens.size());
    for (int at = 0; at < n; at += chunk) {
      const ModelSlice slice{prompt.tokens.data() + at, std::min(chunk, n - at), at, blocks, 0};
      const std::vector<float> rows = run({&slice, 1});
      out.insert(out.end(), rows.begin(), rows.end());
    }
    return out;
  }

  std::unique_ptr<LoadedModel> loaded;
  KvMemory kv;
  std::vector<Prompt> prompts;
};

// All rows at once, and again in chunks of every small size: within the tolerance of float32 summed
// in another order, and bitwise the same at any chunking.
TEST_P(Golden, LogitsEqualTransformers) {
  Runner runner(GetParam());
  ASSERT_TRUE(runner.loaded);
  for (const Prompt& prompt : runner.prompts) {
    const int n = int(prompt.tokens.size());
    const std::vector<float> whole = runner.run(prompt, n);
    ASSERT_EQ(whole.size(), prompt.logits.size());
    float largest = 0, worst = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      largest = std::max(largest, std::abs(prompt.logits[i]));
      worst = std::max(worst, std::abs(prompt.logits[i] - whole[i]));
    }
    EXPECT_LE(worst, 2e-4f * largest) << n << " tokens";
    for (const int chunk : {1, 2, 7, 33})
      EXPECT_EQ(runner.run(prompt, chunk), whole) << "chunks of " << chunk;
  }
}

// Every prompt's chunk beside one of every other prompt: bitwise as alone.
TEST_P(Golden, LogitsAreTheSameInABatch) {
  Runner runner(GetParam());
  ASSERT_TRUE(runner.loaded);
  const auto& prompts = runner.prompts;
  const std::vector<int> blocks[] = {{9}, {1, 11}, {6, 3, 15}};
  ASSERT_EQ(prompts.size(), std::size(blocks));
  std::vector<std::vector<float>> alone, together(prompts.size());
  for (const Prompt& prompt : prompts) alone.push_back(runner.run(prompt, 70));
  const auto vocab = std::size_t(runner.model().shape().vocab);
  std::vector<int> done(prompts.size());
  for (const int chunk : {5, 40, 70}) {  // first some of each, then the rest
    std::vector<ModelSlice> slices;
    std::vector<std::size_t> whose;
    for (std::size_t i = prompts.size(); i-- > 0;) {
      const int count = std::min(chunk, int(prompts[i].tokens.size()) - done[i]);
      if (count == 0) continue;
      slices.push_back({prompts[i].tokens.data() + done[i], count, done[i], blocks[i], 0});
      whose.push_back(i);
      done[i] += count;
    }
    const std::vector<float> rows = runner.run(slices);
    auto from = rows.begin();
    for (std::size_t s = 0; s < slices.size(); ++s) {
      const auto to = from + std::ptrdiff_t(std::size_t(slices[s].count) * vocab);
      together[whose[s]].insert(together[whose[s]].end(), from, to);
      from = to;
    }
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(together[i], alone[i]) << i;
}

// How a layer is cut depends on the tokens for each thread: by tokens or by rows of the weights.
TEST_P(Golden, ThreadsChangeNoBit) {
  Runner one(GetParam(), 1), two(GetParam(), 2);
  ASSERT_TRUE(one.loaded && two.loaded);
  std::size_t longest = 0;
  for (const Prompt& prompt : one.prompts) {
    const int n = int(prompt.tokens.size());
    EXPECT_EQ(one.run(prompt, n), two.run(prompt, n)) << n << " tokens";
    longest = std::max(longest, prompt.tokens.size());
  }
  EXPECT_GE(longest, 64u) << "too few for one thread to cut by tokens";
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

INSTANTIATE_TEST_SUITE_P(Models, Golden,
                         testing::Values("llama", "llama3-rope", "llama-linear", "llama-yarn",
                                         "qwen2", "qwen2-yarn", "qwen3", "qwen3moe", "mixtral",
                                         "gemma3", "deepseek-v2-lite", "deepseek-v2", "deepseek-v3",
                                         "llama3-rope.hf", "llama-linear.hf", "qwen2-yarn.hf",
                                         "qwen3.hf", "qwen3moe.hf", "mixtral.hf", "gemma3.hf",
                                         "deepseek-v2.hf", "deepseek-v3.hf"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace serval::llm
