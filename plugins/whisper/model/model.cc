#include "plugins/whisper/model/model.h"

namespace serval::whisper {
namespace {

// Log-mel of nothing at all: log10 of the floor of 1e-10, scaled as all of it.
constexpr float kSilentMel = (-10.0f + 4.0f) / 4.0f;

int block_count(const SpeechShape& shape, const SpeechOptions& options) {
  return (options.windows + 1) * blocks_of(shape.audio_states) +
         options.hypotheses * blocks_of(shape.text_positions);
}

Status check_options(const SpeechShape& shape, const SpeechOptions& options) {
  const struct {
    const char* what;
    int value, least, most;
  } numbers[] = {{"max_states", options.max_states, shape.audio_states, 1 << 20},
                 {"max_rows", options.max_rows, 1, 1 << 16},
                 {"windows", options.windows, 1, 1 << 16},
                 {"hypotheses", options.hypotheses, 1, 1 << 16}};
  for (const auto& number : numbers)
    if (number.value < number.least || number.value > number.most)
      return invalid(std::string(number.what) + " is " + std::to_string(number.value) + ", want " +
                     std::to_string(number.least) + " to " + std::to_string(number.most));
  return {};
}

}  // namespace

Result<SpeechPlan> SpeechModel::plan(const std::filesystem::path& path,
                                     const SpeechOptions& options, const Ops& ops, int threads) {
  Result<SpeechFolder> folder = SpeechFolder::open(path);
  if (!folder) return folder.error();
  const SpeechShape& shape = folder->shape;
  if (const Status s = check_options(shape, options); !s) return s.error();
  const ProductTypes types = product_types(options.dtype, ops);
  const Result<std::size_t> weights = weights_bytes(*folder, types);
  if (!weights) return weights.error();
  SpeechPlan plan;
  plan.shape = shape;
  plan.config = folder->config;
  plan.weights = *weights;
  plan.workspace = Encoder::workspace_bytes(shape, types, threads, options.max_states) +
                   Decoder::workspace_bytes(shape, options.dtype, options.max_rows);
  plan.memory = std::size_t(block_count(shape, options)) * KvBlocks::block_bytes(shape, options.kv);
  return plan;
}

Result<std::unique_ptr<SpeechModel>> SpeechModel::load(const std::filesystem::path& path,
                                                       const SpeechOptions& options, const Ops& ops,
                                                       ThreadPool& pool,
                                                       const LoadProgress& progress) {
  Result<SpeechFolder> folder = SpeechFolder::open(path);
  if (!folder) return folder.error();
  if (const Status s = check_options(folder->shape, options); !s) return s.error();
  Result<SpeechWeights> weights =
      load_weights(*folder, product_types(options.dtype, ops), pool, progress);
  if (!weights) return weights.error();
  std::unique_ptr<SpeechModel> model(new SpeechModel(*folder, std::move(*weights), options));
  if (const Status s = model->prepare(ops, pool); !s) return s.error();
  return model;
}

Status SpeechModel::prepare(const Ops& ops, ThreadPool& pool) {
  auto blocks = KvBlocks::allocate(shape_, options_.kv, block_count(shape_, options_));
  if (!blocks) return blocks.error();
  blocks_ = std::move(*blocks);
  Result<Encoder> encoder = Encoder::create(shape_, weights_, product_types(options_.dtype, ops),
                                            ops, pool, options_.max_states);
  if (!encoder) return encoder.error();
  encoder_.emplace(std::move(*encoder));
  Result<Decoder> decoder = Decoder::create(shape_, config_, weights_, options_.dtype, ops, pool,
                                            *blocks_, options_.max_rows);
  if (!decoder) return decoder.error();
  decoder_.emplace(std::move(*decoder));
  return encode_silence();
}

Status SpeechModel::encode_silence() {
  const std::vector<float> mel(std::size_t(shape_.frames()) * std::size_t(shape_.mels), kSilentMel);
  const EncodeItem item{mel.data(), shape_.frames(), false, &silence_};
  return encode({&item, 1});
}

Status SpeechModel::check(std::span<const EncodeItem> items) const {
  int64_t states = 0;
  for (const EncodeItem& item : items) {
    const bool whole = item.frames == shape_.frames();
    if (!whole && (item.frames < 1 || item.frames > shape_.frames() ||
                   item.frames % (2 * kKvBlockTokens) != 0))
      return invalid(std::to_string(item.frames) + " frames, want a multiple of " +
                     std::to_string(2 * kKvBlockTokens) + ", or " +
                     std::to_string(shape_.frames()));
    states += item.frames / 2;
  }
  if (states > options_.max_states)
    return invalid(std::to_string(states) + " states in one call, want at most " +
                   std::to_string(options_.max_states));
  return {};
}

Status SpeechModel::encode(std::span<const EncodeItem> items) {
  for (const EncodeItem& item : items) item.out->clear();
  if (const Status s = check(items); !s) return s;
  std::vector<Encoder::Item> work;
  for (const EncodeItem& item : items) {
    const int states = item.frames / 2;
    if (!item.out->table_.extend(*blocks_, states, shape_.audio_states)) {
      for (const EncodeItem& other : items) other.out->clear();
      return error(Code::resource_exhausted, "no memory left for another window");
    }
    work.push_back({item.mel, states, &item.out->table_, item.states});
  }
  if (!work.empty()) encoder_->run(work, options_.kv);
  for (const EncodeItem& item : items)
    if (item.graft && item.frames < shape_.frames())
      item.out->table_.append_foreign(silence_.table_);
  return {};
}

}  // namespace serval::whisper
