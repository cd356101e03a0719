#include "plugins/whisper/engine/loaded_model.h"

namespace serval::whisper {
namespace {

constexpr const char* kVadFile = "silero_vad_16k.safetensors";

// The configured file; else the one in the model's folder or in a folder silero-vad beside it.
std::filesystem::path vad_path(const std::filesystem::path& model, const WhisperConfig& config) {
  if (!config.vad_model.empty()) return config.vad_model;
  for (const std::filesystem::path& path :
       {model / kVadFile, model.lexically_normal().parent_path() / "silero-vad" / kVadFile})
    if (std::error_code ignored; std::filesystem::exists(path, ignored)) return path;
  return {};
}

SpeechOptions speech_options(const WhisperConfig& config, const Ops& ops) {
  SpeechOptions options;
  options.dtype = dense_type(config, ops);
  options.kv = kv_type(config, ops);
  options.max_states = Engine::kEncodedStates;
  options.max_rows = Engine::kRows;
  options.windows = config.windows;
  options.hypotheses = Engine::hypotheses(config.windows);
  return options;
}

// Windows that are read and not yet decoded, or being decoded: samples and mel of 30 s. As many
// live streams as are decoded at a time hold a whole piece each besides; with more of them it is
// kMaxSamples floats more a stream at worst.
std::size_t audio_bytes(const WhisperConfig& config, const SpeechShape& shape) {
  const std::size_t window = std::size_t(kMaxSamples + kMaxFrames * shape.mels) * sizeof(float);
  const int windows =
      Engine::waiting_windows(config.windows) + 2 * config.windows + config.audio_threads;
  return std::size_t(windows) * window;
}

}  // namespace

Result<std::size_t> LoadedModel::plan(const std::filesystem::path& path,
                                      const WhisperConfig& config) {
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  const Result<SpeechPlan> plan =
      SpeechModel::plan(path, speech_options(config, **ops), **ops, thread_count(config.threads));
  if (!plan) return plan.error();
  // The tokenizer's tables, thread stacks and the like.
  constexpr std::size_t kRest = std::size_t(64) << 20;
  return plan->bytes() + audio_bytes(config, plan->shape) + kRest;
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                       const WhisperConfig& config,
                                                       const LoadProgress& progress,
                                                       const LoadNote& note) {
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  const SpeechOptions options = speech_options(config, **ops);
  const Result<SpeechPlan> plan =
      SpeechModel::plan(path, options, **ops, thread_count(config.threads));
  if (!plan) return plan.error();
  Result<SpeechTokenizer> tokenizer = SpeechTokenizer::load(path, plan->config.multilingual);
  if (!tokenizer) return tokenizer.error();
  if (tokenizer->vocab_size() > plan->shape.vocab)
    return error(Code::data_loss, path.string() + ": the tokenizer has " +
                                      std::to_string(tokenizer->vocab_size()) +
                                      " tokens, the model " + std::to_string(plan->shape.vocab));
  std::unique_ptr<LoadedModel> loaded(
      new LoadedModel(std::move(*tokenizer), thread_count(config.threads)));
  auto model = SpeechModel::load(path, options, **ops, loaded->pool_, progress);
  if (!model) return model.error();
  loaded->model_ = std::move(*model);
  loaded->mel_ = std::make_unique<LogMel>(plan->shape.mels);
  if (const std::filesystem::path file = vad_path(path, config); !file.empty()) {
    auto vad = Vad::load(file, **ops);
    if (!vad) return vad.error();
    loaded->vad_ = std::move(*vad);
    if (note) note(false, "speech is found by " + file.string());
  } else if (note) {
    note(true, "no weights to find speech with; long audio is cut where it is quiet");
  }
  if (note) note(false, std::string("products in ") + dense_type_name(options.dtype));
  EngineParts parts;
  parts.tokenizer = &loaded->tokenizer_;
  parts.model = loaded->model_.get();
  parts.vad = loaded->vad_.get();
  parts.mel = loaded->mel_.get();
  parts.ops = *ops;
  parts.pool = &loaded->pool_;
  parts.windows = config.windows;
  parts.audio_threads = config.audio_threads;
  parts.max_audio_seconds = config.max_audio_seconds;
  parts.dtype = dense_type_name(options.dtype);
  loaded->engine_ = std::make_unique<Engine>(parts);
  return loaded;
}

}  // namespace serval::whisper
