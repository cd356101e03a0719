// Everything one open model consists of, and how it comes from a folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "common/thread_pool.h"
#include "plugins/whisper/engine/config.h"
#include "plugins/whisper/engine/engine.h"

namespace serval::whisper {

using LoadNote = std::function<void(bool warning, const std::string& text)>;

class LoadedModel {
 public:
  // Bytes the model takes at most, loading included, from its files' directories alone.
  // path: a CTranslate2 or Hugging Face folder.
  static Result<std::size_t> plan(const std::filesystem::path& path, const WhisperConfig& config);
  static Result<std::unique_ptr<LoadedModel>> load(const std::filesystem::path& path,
                                                   const WhisperConfig& config,
                                                   const LoadProgress& progress,
                                                   const LoadNote& note);

  Engine& engine() { return *engine_; }
  SpeechModel& model() { return *model_; }
  const SpeechTokenizer& tokenizer() const { return tokenizer_; }

 private:
  LoadedModel(SpeechTokenizer tokenizer, int threads)
      : tokenizer_(std::move(tokenizer)), pool_(threads) {}

  SpeechTokenizer tokenizer_;
  ThreadPool pool_;
  std::unique_ptr<SpeechModel> model_;
  std::unique_ptr<LogMel> mel_;
  std::unique_ptr<Vad> vad_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace serval::whisper
