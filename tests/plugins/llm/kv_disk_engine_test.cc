// The disk tier through the engine, with small models of golden_test.cc.
#include <fstream>
#include <random>

#include "tests/plugins/llm/temporary_folder.h"
#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

class KvDiskEngine : public testing::Test {
 protected:
  LlmConfig config() const {
    LlmConfig config;
    config.kv_disk_mib = 64;
    config.kv_disk_path = folder.path() / "kv";
    return config;
  }
  std::unique_ptr<LoadedModel> load(const LlmConfig& config, const char* name = "llama") {
    auto loaded =
        LoadedModel::load(golden_path(std::string(name) + ".gguf"), config, {},
                          [this](bool, const std::string& text) { notes.push_back(text); });
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    if (loaded && (*loaded)->disk() != nullptr) (*loaded)->disk()->settle();
    return std::move(*loaded);
  }
  static std::string ask(const std::vector<int32_t>& prompt) {
    std::string list;
    for (const int32_t token : prompt) list += (list.empty() ? "" : ",") + std::to_string(token);
    return R"({"temperature":0,"max_tokens":8,"ignore_eos":true,"logprobs":true,"prompt_tokens":[)" +
           list + "]}";
  }
  static std::vector<int32_t> tokens(uint32_t seed, int count) {
    std::mt19937 random(seed);
    std::vector<int32_t> out;
    for (int i = 0; i < count; ++i) out.push_back(3 + int(random() % 200));
    return out;
  }
  static int cached(const Outcome& outcome) {
    return std::atoi(outcome.usage.c_str() + outcome.usage.find("cached_tokens") + 15);
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
      if (entry.path().extension() == ".kv") found.push_back(entry.path());
    return found;
  }

  TemporaryFolder folder;
  std::vector<std::string> notes;
};

TEST_F(KvDiskEngine, ARestartFindsItsCache) {
  const std::string asked = ask(tokens(1, 200));
  std::string cold;
  {
    auto loaded = load(config());
    cold = generate(loaded->engine(), "", asked).meta;
  }
  auto loaded = load(config());
  const Outcome warm = generate(loaded->engine(), "", asked);
  EXPECT_EQ(cached(warm), 192);  // the full blocks
  EXPECT_EQ(warm.meta, cold);
  EXPECT_EQ(loaded->engine().counts().disk.hits, 6u);
  // The beginning of another prompt, and a prompt that ends with a block.
  auto other = tokens(1, 100);
  other.push_back(9);
  EXPECT_EQ(cached(generate(loaded->engine(), "", ask(other))), 100);
  EXPECT_TRUE(notes.empty());
}

TEST_F(KvDiskEngine, TheLastTokenOfFullBlocksIsComputed) {
  const std::string asked = ask(tokens(2, 96));
  std::string cold;
  {
    auto loaded = load(config());
    cold = generate(loaded->engine(), "", asked).meta;
  }
  auto loaded = load(config());
  const Outcome warm = generate(loaded->engine(), "", asked);
  EXPECT_EQ(cached(warm), 95);
  EXPECT_EQ(warm.meta, cold);
}

TEST_F(KvDiskEngine, WhatMemoryHasNoRoomForComesBackFromTheDisk) {
  LlmConfig small = config();
  small.kv_cache_mib = 1;
  auto loaded = load(small);
  const auto answer = [&](int prompt) {
    const Outcome outcome = generate(loaded->engine(), "", ask(tokens(uint32_t(prompt), 200)));
    loaded->disk()->settle();  // nothing is dropped because the disk is slow
    return outcome;
  };
  const int blocks = loaded->engine().counts().blocks_total;
  const int prompts = blocks / 6 + 10;
  std::vector<std::string> cold;
  for (int i = 0; i < prompts; ++i) cold.push_back(answer(i).meta);
  EXPECT_GT(loaded->engine().counts().cache.evictions, 0u);
  for (int i = 0; i < prompts; ++i) {
    const Outcome warm = answer(i);
    EXPECT_GE(cached(warm), 192) << i;
    EXPECT_EQ(warm.meta, cold[std::size_t(i)]);
  }
  EXPECT_GT(loaded->engine().counts().disk.hits, 0u);
}

TEST_F(KvDiskEngine, OtherNumbersOrSpacesFindNothing) {
  const std::string asked = ask(tokens(3, 100));
  {
    auto loaded = load(config());
    generate(loaded->engine(), "", asked);
  }
  {
    auto loaded = load(config());
    Outcome outcome;
    loaded->engine().submit(1, std::make_unique<TestClient>(outcome), "complete", "", asked,
                            {.space = "b"});
    while (!outcome.ended) loaded->engine().step();
    EXPECT_EQ(cached(outcome), 0);
  }
  LlmConfig wider = config();
  wider.kv_type = KvType::f32;
  auto loaded = load(wider);
  EXPECT_EQ(cached(generate(loaded->engine(), "", asked)), 0);
}

TEST_F(KvDiskEngine, DamagedFilesCostTheirBlocksOnly) {
  const std::string asked = ask(tokens(4, 200));
  std::string cold;
  {
    auto loaded = load(config());
    cold = generate(loaded->engine(), "", asked).meta;
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    for (const fs::path& path : files()) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(std::streamoff(random() % fs::file_size(path)));
      file.put(char(random()));
    }
    auto loaded = load(config());
    EXPECT_EQ(generate(loaded->engine(), "", asked).meta, cold);
  }
}

TEST_F(KvDiskEngine, TroubleWithTheFolderCostsTheTierOnly) {
  auto first = load(config());
  EXPECT_TRUE(notes.empty());
  auto second = load(config());  // the folder is in use
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("in use"), std::string::npos) << notes[0];
  EXPECT_EQ(generate(second->engine(), "", ask(tokens(5, 50))).error.code, Code::ok);
  LlmConfig nowhere = config();
  nowhere.kv_disk_path.clear();
  load(nowhere);
  EXPECT_EQ(notes.size(), 2u);
}

}  // namespace
}  // namespace serval::llm
