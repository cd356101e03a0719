// Everything one open model consists of, and how it comes from a file.
#pragma once

#include <filesystem>
#include <memory>

#include "plugins/llm/config.h"
#include "plugins/llm/engine.h"
#include "plugins/llm/model.h"

namespace serval::llm {

// What loading a model will take, from its file's directory alone.
struct ModelPlan {
  ModelShape shape;
  KvType kv_type = KvType::f16;
  int context = 0;
  KvSize cache;
  std::size_t weights_bytes = 0;
  std::size_t load_bytes = 0;  // while loading
  std::size_t bytes = 0;       // when it runs, the KV cache full
};

class LoadedModel {
 public:
  // path: a GGUF file, a folder with exactly one, or a Hugging Face folder (hf/hf_folder.h).
  // clock: the one of deadlines.
  static Result<ModelPlan> plan(const std::filesystem::path& path, const LlmConfig& config);
  static Result<std::unique_ptr<LoadedModel>> load(const std::filesystem::path& path,
                                                   const LlmConfig& config,
                                                   const LoadProgress& progress,
                                                   const LoadNote& note = {},
                                                   Clock clock = steady_ns);

  Engine& engine() { return *engine_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  Model& model() { return *model_; }
  DiskTier* disk() { return disk_.get(); }  // null: none

 private:
  LoadedModel(Tokenizer tokenizer, ChatFormat chat, int threads)
      : tokenizer_(std::move(tokenizer)), chat_(std::move(chat)), pool_(threads) {}

  Tokenizer tokenizer_;
  ChatFormat chat_;
  ThreadPool pool_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<DiskTier> disk_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace serval::llm
