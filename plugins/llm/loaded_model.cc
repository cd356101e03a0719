#include "plugins/llm/loaded_model.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "common/formats/tokenizer_gguf.h"
#include "plugins/llm/hf/hf_folder.h"
#include "plugins/llm/kv_disk/fingerprint.h"

namespace serval::llm {
namespace {

constexpr std::size_t kMostBlocks = std::size_t(1) << 24;

// A GGUF file, a folder with exactly one, or a Hugging Face folder.
Result<GgufFile> open_file(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::is_directory(path, ec)) return open_gguf(path);
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".gguf") found.push_back(it->path());
  if (ec) return error(Code::failed_precondition, path.string() + ": " + ec.message());
  if (found.size() == 1) return open_gguf(found[0]);
  if (found.empty() && is_hf_folder(path)) return open_hf_folder(path);
  return error(Code::not_found, path.string() + ": has " + std::to_string(found.size()) +
                                    " .gguf files and is no Hugging Face folder (config.json); "
                                    "want one, or name the file");
}

// The compressed cache of latent attention has the plain 32- and 16-bit types only.
Status check_kv_type(const GgufFile& file, const ModelShape& shape, KvType type) {
  if (shape.attention != AttentionKind::latent || type == KvType::f32 || type == KvType::f16)
    return {};
  return error(Code::unimplemented,
               file.path().string() + ": kv_type of a model with latent attention is f16 or f32",
               "kv_type");
}

// How many blocks and slots the configured memory holds. The slots are as many as all sequences
// need that may run in one step, but no more than half of the memory, unless one sequence alone
// needs more. Where blocks would be fewer than slots, each has its own.
KvSize cache_size(const ModelShape& shape, KvType type, const LlmConfig& config) {
  constexpr std::size_t kLeastBlock = 4096;  // a block of nothing costs bookkeeping
  const std::size_t bytes = std::size_t(config.kv_cache_mib) << 20;
  const std::size_t block = std::max(KvMemory::block_bytes(shape, type), kLeastBlock);
  const std::size_t slot = KvMemory::slot_bytes(shape, type);
  std::size_t slots = 0, blocks = 0;
  if (slot > 0) {
    const int window = blocks_for(shape.window()) + 2, step = blocks_for(config.tokens_per_step);
    const std::size_t useful =
        std::size_t(config.sequences) * std::size_t(window) + std::size_t(step);
    slots = std::clamp(bytes / 2 / slot, std::size_t(window + step), useful);
    if (slots * slot < bytes) blocks = (bytes - slots * slot) / block;
  }
  if (blocks <= slots) slots = blocks = bytes / (block + slot);
  return {int(std::min(blocks, kMostBlocks)), int(std::min(slots, kMostBlocks))};
}

Result<ModelPlan> plan_file(const GgufFile& file, const LlmConfig& config) {
  Result<ModelShape> shape = read_shape(file);
  if (!shape) return shape.error();
  const Result<std::size_t> weights = weights_bytes(file, *shape);
  if (!weights) return weights.error();
  ModelPlan plan;
  plan.shape = std::move(*shape);
  if (const Status legal = check_kv_type(file, plan.shape, config.kv_type); !legal)
    return legal.error();
  plan.kv_type = config.kv_type;
  plan.context =
      config.context == 0 ? plan.shape.context : std::min(config.context, plan.shape.context);
  const std::size_t block = KvMemory::block_bytes(plan.shape, plan.kv_type);
  const std::size_t slot = KvMemory::slot_bytes(plan.shape, plan.kv_type);
  plan.cache = cache_size(plan.shape, plan.kv_type, config);
  if (plan.cache.blocks < 1)
    return invalid("kv_cache_mib is " + std::to_string(config.kv_cache_mib) +
                       "; one block of the KV cache needs " +
                       std::to_string(((block + slot) >> 20) + 1),
                   "kv_cache_mib");
  const uint64_t disk = uint64_t(config.kv_disk_mib) << 20;
  if (disk > 0 && disk < BlockStore::least_bytes(block + slot))
    return invalid("kv_disk_mib is " + std::to_string(config.kv_disk_mib) +
                       "; one block of the KV cache needs " +
                       std::to_string((BlockStore::least_bytes(block + slot) >> 20) + 1),
                   "kv_disk_mib");
  // A single sequence must always fit: a smaller cache means a shorter context.
  plan.context = int(std::min<int64_t>(plan.context, int64_t(plan.cache.blocks) * kBlockTokens));
  const std::size_t workspace =
      Model::workspace_bytes(plan.shape, config.tokens_per_step, plan.context);
  // Tokenizer tables, thread stacks and the like.
  constexpr std::size_t kRest = std::size_t(64) << 20;
  plan.weights_bytes = *weights;
  plan.bytes = *weights + workspace + kRest + slot * std::size_t(plan.cache.slots) +
               (block + KvCache::kBookkeepingBytes) * std::size_t(plan.cache.blocks);
  if (disk > 0) plan.bytes += DiskTier::memory_bytes(block + slot, disk);
  plan.load_bytes = *weights + workspace + kRest;
  return plan;
}

// None where it is not wanted or cannot be.
std::optional<PackCache> open_pack_cache(const LlmConfig& config, const LoadNote& note) {
  if (!config.pack_cache || config.pack_cache_path.empty()) return std::nullopt;
  Result<PackCache> cache =
      PackCache::open(config.pack_cache_path, uint64_t(config.pack_cache_mib) << 20);
  if (cache) return std::move(*cache);
  if (note) note(true, "packed weights are not kept: " + cache.error().message);
  return std::nullopt;
}

// A folder of its own for each model file, so that a file that has changed finds what was kept of
// the old one and removes it. Trouble with it is noted and costs the tier, not the model.
std::unique_ptr<DiskTier> open_disk(const std::filesystem::path& model, const LlmConfig& config,
                                    const Digest& fingerprint, uint64_t block_bytes,
                                    const LoadNote& note) {
  const auto tell = [note](const std::string& why) {
    if (note) note(true, "KV blocks are not kept on the disk: " + why);
  };
  if (config.kv_disk_path.empty()) {
    tell("neither kv_disk_path nor server.cache_dir names a folder");
    return nullptr;
  }
  std::error_code ec;
  Sha256 hash;
  hash.add(std::filesystem::weakly_canonical(model, ec).string());
  Result<std::unique_ptr<DiskTier>> tier = DiskTier::open(
      {.folder = std::filesystem::path(config.kv_disk_path) / hex(hash.finish()).substr(0, 16),
       .budget = uint64_t(config.kv_disk_mib) << 20,
       .fingerprint = fingerprint,
       .block_bytes = block_bytes,
       .failed = tell});
  if (tier) return std::move(*tier);
  tell(tier.error().message);
  return nullptr;
}

}  // namespace

Result<ModelPlan> LoadedModel::plan(const std::filesystem::path& path, const LlmConfig& config) {
  const Result<GgufFile> file = open_file(path);
  if (!file) return file.error();
  return plan_file(*file, config);
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                       const LlmConfig& config,
                                                       const LoadProgress& progress,
                                                       const LoadNote& note, Clock clock) {
  const Result<GgufFile> file = open_file(path);
  if (!file) return file.error();
  Result<ModelPlan> plan = plan_file(*file, config);
  if (!plan) return plan.error();
  const Result<const Ops*> ops = best_ops();
  if (!ops) return ops.error();
  Result<Tokenizer> tokenizer = tokenizer_from_gguf(*file);
  if (!tokenizer) return tokenizer.error();
  if (tokenizer->vocab_size() > plan->shape.vocab)
    return invalid(file->path().string() + ": the tokenizer has " +
                   std::to_string(tokenizer->vocab_size()) + " tokens, the embedding " +
                   std::to_string(plan->shape.vocab));
  Result<ChatFormat> chat = ChatFormat::create(*file, *tokenizer, config.chat_template);
  if (!chat) return chat.error();

  std::unique_ptr<LoadedModel> loaded(
      new LoadedModel(std::move(*tokenizer), std::move(*chat), thread_count(config.threads)));
  std::optional<PackCache> cache = open_pack_cache(config, note);
  Result<Weights> weights =
      load_weights(*file, plan->shape, loaded->pool_, progress, std::move(cache), note);
  if (!weights) return weights.error();
  Result<KvMemory> kv = KvMemory::allocate(plan->shape, plan->kv_type, plan->cache);
  if (!kv) return kv.error();
  loaded->model_ = std::make_unique<Model>(plan->shape, std::move(*weights), **ops, loaded->pool_,
                                           config.tokens_per_step, plan->context);
  if (config.kv_disk_mib > 0) {
    const Digest fingerprint = kv_fingerprint(*file, *loaded->model_, *kv, (*ops)->name,
                                              config.tokens_per_step, plan->context);
    loaded->disk_ = open_disk(file->path(), config, fingerprint, kv->image_bytes(), note);
  }
  loaded->engine_ = std::make_unique<Engine>(
      EngineParts{&loaded->tokenizer_,
                  &loaded->chat_,
                  loaded->model_.get(),
                  *ops,
                  std::move(*kv),
                  loaded->disk_.get(),
                  plan->cache.blocks,
                  plan->context,
                  {config.sequences, config.tokens_per_step, config.itl_factor},
                  config.defaults,
                  std::move(clock),
                  double(plan->weights_bytes)});
  return loaded;
}

}  // namespace serval::llm
