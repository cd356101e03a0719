// Everything one open model consists of, and how it comes from a folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/thread_pool.h"
#include "common/tokenizers/text_tokenizer.h"
#include "plugins/bei/config.h"
#include "plugins/bei/encoder_model.h"
#include "plugins/bei/engine.h"
#include "plugins/bei/hf/model_folder.h"

namespace serval::bei {

// What loading a model will take, from its files' directories alone.
struct ModelPlan {
  std::size_t load_bytes = 0;  // while loading
  std::size_t bytes = 0;       // when it runs, its cache full
};

using LoadNote = std::function<void(bool warning, const std::string& text)>;
using Clock = std::function<uint64_t()>;

class LoadedModel {
 public:
  // path: a Hugging Face folder.
  static Result<ModelPlan> plan(const std::filesystem::path& path, const BeiConfig& config);
  static Result<std::unique_ptr<LoadedModel>> load(const std::filesystem::path& path,
                                                   const BeiConfig& config,
                                                   const LoadProgress& progress,
                                                   const LoadNote& note, Clock clock);

  Engine& engine() { return *engine_; }
  Model& model() { return *model_; }
  const TextTokenizer& tokenizer() const { return tokenizer_; }
  const ModelFacts& facts() const { return facts_; }

 private:
  LoadedModel(TextTokenizer tokenizer, int threads)
      : tokenizer_(std::move(tokenizer)), pool_(threads) {}

  Status choose_model(ModelFolder& folder, const BeiConfig& config, const Ops& ops,
                      const LoadProgress& progress, const LoadNote& note);
  Result<std::unique_ptr<EncoderModel>> make_model(ModelFolder& folder, Precision precision,
                                                   const Ops& ops, int max_tokens,
                                                   const LoadProgress& progress);

  TextTokenizer tokenizer_;
  ThreadPool pool_;
  ModelFacts facts_;
  std::unique_ptr<EncoderModel> model_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace serval::bei
