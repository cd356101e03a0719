// Models and clients for the engine's tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "plugins/llm/loaded_model.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/reader_client.h"

namespace serval::llm {

// A small random-weight model out of tests/golden/llm (tools/golden/llm.py).
inline std::filesystem::path golden_path(const std::string& file) {
  return std::filesystem::path(SERVAL_SOURCE_DIR) / "tests/golden/llm" / file;
}

// name: "llama" is the GGUF file, "llama.hf" the Hugging Face folder of the same model.
inline std::unique_ptr<LoadedModel> load_golden(const std::string& name, LlmConfig config = {},
                                                Clock clock = steady_ns) {
  const std::string file = name.ends_with(".hf") ? name : name + ".gguf";
  auto loaded = LoadedModel::load(golden_path(file), config, {}, {}, std::move(clock));
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded ? std::move(*loaded) : nullptr;
}

// What one request has got so far.
struct Outcome : ReaderOutcome {
  std::vector<std::string> texts;   // by choice
  std::vector<std::string> finish;  // finish reason by choice
  std::string meta;                 // all meta_json in a row
};

class TestClient final : public ReaderClient<Client> {
 public:
  explicit TestClient(Outcome& outcome) : ReaderClient(outcome), o_(outcome) {}
  void text(int index, std::string_view text, std::string_view meta, bool last) override {
    const auto i = std::size_t(index);
    if (o_.texts.size() <= i) {
      o_.texts.resize(i + 1);
      o_.finish.resize(i + 1);
    }
    ASSERT_EQ(o_.finish[i], "") << "text behind the last";
    o_.texts[i] += text;
    o_.meta += meta;
    for (const char* reason : {"stop", "length", "deadline"})
      if (last && meta.find(std::string("\"") + reason + '"') != meta.npos) o_.finish[i] = reason;
    take();
  }

 private:
  Outcome& o_;
};

inline void submit(Engine& engine, uint64_t id, Outcome& outcome, const std::string& prompt,
                   const std::string& params, const char* op = "complete",
                   const RequestInfo& info = {}) {
  engine.submit(id, std::make_unique<TestClient>(outcome), op, prompt, params, info);
}

// Runs one request to its end.
inline Outcome generate(Engine& engine, const std::string& prompt, const std::string& params,
                        const char* op = "complete") {
  static uint64_t id = 1'000'000;
  Outcome outcome;
  submit(engine, ++id, outcome, prompt, params, op);
  for (int i = 0; i < 100000 && !outcome.ended; ++i) engine.step();
  EXPECT_TRUE(outcome.ended);
  return outcome;
}

}  // namespace serval::llm
