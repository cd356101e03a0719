#include "plugins/bei/loaded_model.h"

#include <algorithm>
#include <thread>

#include "plugins/bei/quality_check.h"

namespace serval::bei {
namespace {

DenseType dense_type(Precision precision) {
  switch (precision) {
    case Precision::f32:
      return DenseType::f32;
    case Precision::bf16:
      return DenseType::bf16;
    case Precision::int8:
      return DenseType::int8;
  }
  return DenseType::f32;
}

// Precisions from the fastest on. dtype = "auto" takes the first whose results are near enough to
// f32; lower ones pay where the CPU has instructions for them.
std::vector<Precision> candidates(const BeiConfig& config, const Ops& ops) {
  if (!config.auto_precision) return {config.precision};
  std::vector<Precision> all;
  if (ops.fast_int8) all.push_back(Precision::int8);
  if (ops.fast_bf16) all.push_back(Precision::bf16);
  all.push_back(Precision::f32);
  return all;
}

// Enough for every thread to work at its full pace; more would only make short texts wait longer.
int step_tokens(const BeiConfig& config) {
  if (config.tokens_per_step > 0) return config.tokens_per_step;
  return std::clamp(256 * thread_count(config.threads), 512, 65536);
}

int max_step_tokens(const BeiConfig& config, const ModelFolder& folder) {
  return std::max(step_tokens(config), folder.max_tokens);
}

// Bytes of everything but the weights.
std::size_t running_bytes(const BeiConfig& config, const ModelFolder& folder, DenseType type) {
  const Architecture& a = folder.description.architecture;
  const int tokens = max_step_tokens(config, folder);
  const std::size_t widest =
      std::size_t(std::max({a.hidden, int(folder.description.labels.size()), 1}));
  const std::size_t results = std::size_t(tokens) * widest * sizeof(float);
  // A token that waits for its step: id, type, offsets and two marks. Each request held may have
  // one text ready beyond the bound on all.
  constexpr std::size_t kTokenBytes = 16;
  const std::size_t waiting =
      (std::size_t(config.requests) * std::size_t(folder.max_tokens) + 3 * std::size_t(tokens)) *
      kTokenBytes;
  const std::size_t sparse =
      folder.description.masked_words.classifier.weight.empty() ? 0 : std::size_t(a.vocab) * 128;
  // The tokenizer's tables are some times their JSON; thread stacks and the like.
  const std::size_t tokenizer = 12 * folder.tokenizer_bytes;
  constexpr std::size_t kRest = (std::size_t(48) << 20) + kMostKeptBytes;
  return Encoder::workspace_bytes(a, type, thread_count(config.threads), tokens,
                                  folder.max_tokens) +
         results + waiting + sparse + tokenizer + kRest + (std::size_t(config.cache_mib) << 20);
}

// A matrix as floats while it is packed: the largest there is.
std::size_t packing_bytes(const ModelFolder& folder) {
  const Architecture& a = folder.description.architecture;
  const std::size_t widest = std::size_t(
      std::max({a.qkv_width(), a.feed_forward * (a.gated ? 2 : 1), a.hidden,
                folder.description.masked_words.classifier.weight.empty() ? 0 : a.vocab}));
  return widest * std::size_t(std::max(a.hidden, a.q_width())) * sizeof(float);
}

// But for what the loaded model says: dtype and width.
ModelFacts facts_of(const ModelFolder& folder, const BeiConfig& config) {
  const ModelDescription& d = folder.description;
  ModelFacts facts;
  facts.task = d.task;
  facts.family = d.architecture.family;
  facts.pooling = d.pooling;
  facts.normalize = folder.modules.normalize;
  facts.sparse = !d.masked_words.classifier.weight.empty();
  facts.multi_label = d.multi_label;
  facts.hidden = d.architecture.hidden;
  facts.vocab = d.architecture.vocab;
  facts.max_input_tokens = folder.max_tokens;
  facts.max_items = config.max_items;
  facts.labels = d.labels;
  facts.prompts = folder.modules.prompts;
  facts.default_prompt = folder.modules.default_prompt;
  facts.similarity = folder.modules.similarity;
  return facts;
}

}  // namespace

Result<ModelPlan> LoadedModel::plan(const std::filesystem::path& path, const BeiConfig& config) {
  Result<ModelFolder> folder = open_model_folder(path, config.max_input_tokens);
  if (!folder) return folder.error();
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  // The last candidate is the largest, and the one that the others are compared with.
  const DenseType type = dense_type(candidates(config, **ops).back());
  const Result<std::size_t> weights = weights_bytes(folder->tensors, folder->description,
                                                    folder->modules, type, folder->max_tokens);
  if (!weights) return weights.error();
  const std::size_t running = running_bytes(config, *folder, type);
  return ModelPlan{*weights + running + packing_bytes(*folder), *weights + running};
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                       const BeiConfig& config,
                                                       const LoadProgress& progress,
                                                       const LoadNote& note, Clock clock) {
  Result<ModelFolder> folder = open_model_folder(path, config.max_input_tokens);
  if (!folder) return folder.error();
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  Result<TextTokenizer> tokenizer = TextTokenizer::load(folder->modules.transformer);
  if (!tokenizer) return tokenizer.error();
  if (tokenizer->vocab_size() > folder->description.architecture.vocab)
    return invalid(path.string() + ": the tokenizer has " +
                   std::to_string(tokenizer->vocab_size()) + " tokens, the embedding " +
                   std::to_string(folder->description.architecture.vocab));
  std::unique_ptr<LoadedModel> loaded(
      new LoadedModel(std::move(*tokenizer), thread_count(config.threads)));
  loaded->facts_ = facts_of(*folder, config);
  if (const Status chosen = loaded->choose_model(*folder, config, **ops, progress, note); !chosen)
    return chosen.error();
  EngineParts parts;
  parts.tokenizer = &loaded->tokenizer_;
  parts.model = loaded->model_.get();
  parts.facts = loaded->facts_;
  parts.tokens_per_step = step_tokens(config);
  parts.tokenizer_threads = config.tokenizer_threads;
  parts.cache_bytes = std::size_t(config.cache_mib) << 20;
  parts.clock = std::move(clock);
  loaded->engine_ = std::make_unique<Engine>(std::move(parts));
  return loaded;
}

Result<std::unique_ptr<EncoderModel>> LoadedModel::make_model(ModelFolder& folder,
                                                              Precision precision, const Ops& ops,
                                                              int max_tokens,
                                                              const LoadProgress& progress) {
  const DenseType type = dense_type(precision);
  Result<Weights> weights = load_weights(folder.tensors, folder.description, folder.modules, type,
                                         folder.max_tokens, ops, pool_, progress);
  if (!weights) return weights.error();
  return EncoderModel::create(folder.description, std::move(*weights), type, ops, pool_, max_tokens,
                              folder.max_tokens);
}

// Of several candidates the first that is near enough to the last, which is exact.
Status LoadedModel::choose_model(ModelFolder& folder, const BeiConfig& config, const Ops& ops,
                                 const LoadProgress& progress, const LoadNote& note) {
  const std::vector<Precision> tried = candidates(config, ops);
  CheckResults exact;
  if (tried.size() > 1) {
    const auto model = make_model(folder, tried.back(), ops, folder.max_tokens, progress);
    if (!model) return model.error();
    exact = run_check(**model, tokenizer_, facts_);
  }
  for (const Precision precision : tried) {
    auto model = make_model(folder, precision, ops, max_step_tokens(config, folder), progress);
    if (!model) return model.error();
    std::string why;
    if (precision != tried.back()) {
      const Nearness near =
          compare(exact, run_check(**model, tokenizer_, facts_), facts_, precision);
      why = " (near f32: " + near.text() + ")";
      if (!near.holds) {
        if (note) note(false, std::string(precision_name(precision)) + " is not taken" + why);
        continue;
      }
    }
    if (note) note(false, std::string("products in ") + precision_name(precision) + why);
    model_ = std::move(*model);
    facts_.dtype = precision_name(precision);
    facts_.width = model_->width();
    return {};
  }
  return error(Code::internal, "no precision was left");
}

}  // namespace serval::bei
