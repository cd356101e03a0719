#include "plugins/llm/loaded_model.h"

#include <algorithm>
#include <thread>

namespace serval::llm {
namespace {

Result<std::filesystem::path> find_gguf(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::is_directory(path, ec)) return path;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(path, ec))
    if (entry.path().extension() == ".gguf") found.push_back(entry.path());
  if (ec) return error(Code::failed_precondition, path.string() + ": " + ec.message());
  if (found.size() == 1) return found[0];
  return error(Code::not_found, path.string() + ": has " + std::to_string(found.size()) +
                                    " .gguf files; want one, or name the file");
}

Result<GgufFile> open_file(const std::filesystem::path& path) {
  const Result<std::filesystem::path> file = find_gguf(path);
  if (!file) return file.error();
  return open_gguf(*file);
}

Result<ModelPlan> plan_file(const GgufFile& file, const LlmConfig& config) {
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  Result<ModelShape> shape = read_shape(file);
  if (!shape) return shape.error();
  const Result<std::size_t> weights = weights_bytes(file, *shape);
  if (!weights) return weights.error();
  ModelPlan plan;
  plan.shape = std::move(*shape);
  plan.kv_type = config.kv_type.value_or((*ops)->kv_type);
  plan.context =
      config.context == 0 ? plan.shape.context : std::min(config.context, plan.shape.context);
  // Room for the configured cache, but never more than all sequences can use.
  const std::size_t block = KvMemory::block_bytes(plan.shape, plan.kv_type);
  const std::size_t affordable = (std::size_t(config.kv_cache_mib) << 20) / block;
  const std::size_t useful = std::size_t(blocks_for(plan.context)) * std::size_t(config.sequences);
  plan.blocks = int(std::min({affordable, useful, std::size_t(1) << 30}));
  if (plan.blocks < 1)
    return invalid("kv_cache_mib is " + std::to_string(config.kv_cache_mib) +
                       "; one block of the KV cache needs " + std::to_string((block >> 20) + 1),
                   "kv_cache_mib");
  // A single sequence must always fit: a smaller cache means a shorter context.
  plan.context = int(std::min<int64_t>(plan.context, int64_t(plan.blocks) * kBlockTokens));
  const std::size_t workspace =
      Model::workspace_bytes(plan.shape, config.tokens_per_step, plan.context);
  // Tokenizer tables, thread stacks and the like.
  constexpr std::size_t kRest = std::size_t(64) << 20;
  plan.bytes = *weights + workspace + block * std::size_t(plan.blocks) + kRest;
  plan.load_bytes = *weights + workspace + kRest;
  return plan;
}

}  // namespace

Result<ModelPlan> LoadedModel::plan(const std::filesystem::path& path, const LlmConfig& config) {
  const Result<GgufFile> file = open_file(path);
  if (!file) return file.error();
  return plan_file(*file, config);
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                       const LlmConfig& config,
                                                       const LoadProgress& progress) {
  const Result<GgufFile> file = open_file(path);
  if (!file) return file.error();
  Result<ModelPlan> plan = plan_file(*file, config);
  if (!plan) return plan.error();
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  Result<BpeTokenizer> tokenizer = BpeTokenizer::from_gguf(*file);
  if (!tokenizer) return tokenizer.error();
  if (tokenizer->vocab_size() > plan->shape.vocab)
    return invalid(file->path().string() + ": the tokenizer has " +
                   std::to_string(tokenizer->vocab_size()) + " tokens, the embedding " +
                   std::to_string(plan->shape.vocab));
  Result<ChatFormat> chat = ChatFormat::create(*file, *tokenizer, config.chat_template);
  if (!chat) return chat.error();

  const int cores = std::max(int(std::thread::hardware_concurrency()), 1);
  std::unique_ptr<LoadedModel> loaded(new LoadedModel(std::move(*tokenizer), std::move(*chat),
                                                      config.threads > 0 ? config.threads : cores));
  Result<Weights> weights = load_weights(*file, plan->shape, loaded->pool_, progress);
  if (!weights) return weights.error();
  Result<KvMemory> kv = KvMemory::allocate(plan->shape, plan->kv_type, plan->blocks);
  if (!kv) return kv.error();
  loaded->model_ = std::make_unique<Model>(plan->shape, std::move(*weights), **ops, loaded->pool_,
                                           config.tokens_per_step, plan->context);
  loaded->engine_ = std::make_unique<Engine>(EngineParts{&loaded->tokenizer_,
                                                         &loaded->chat_,
                                                         loaded->model_.get(),
                                                         *ops,
                                                         std::move(*kv),
                                                         plan->blocks,
                                                         plan->context,
                                                         {config.sequences, config.tokens_per_step},
                                                         config.defaults});
  return loaded;
}

}  // namespace serval::llm
