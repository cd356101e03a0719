#include "plugins/whisper/model/weights.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/dense_pack.h"
#include "plugins/whisper/model/names.h"

namespace serval::whisper {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}

// Walks the model's tensors twice with the same code: first to check and to add up their bytes,
// then to place them. Matrices are packed after the walk.
class Loader {
 public:
  // memory: where the weights go, or null for a walk that only adds up.
  Loader(SpeechFolder& folder, const ProductTypes& types, std::byte* memory)
      : tensors_(folder.tensors), shape_(folder.shape), types_(types), memory_(memory) {}

  Status walk(SpeechWeights& out) {
    const bool ct2 = tensors_.ctranslate2();
    const SpeechNames names = SpeechNames::of(ct2);
    const auto hidden = uint64_t(shape_.hidden);
    out.conv1 = convolution(names.conv1, shape_.mels);
    out.conv2 = convolution(names.conv2, shape_.hidden);
    out.audio_positions = floats(names.audio_positions, {uint64_t(shape_.audio_states), hidden});
    out.text_positions = floats(names.text_positions, {uint64_t(shape_.text_positions), hidden});
    out.words = table(names.words);
    const std::string own = ct2 ? "decoder/projection/weight" : "proj_out.weight";
    out.head = head(tensors_.find(own) != nullptr ? own : names.words);
    if (types_.dense == DenseType::int8)
      out.head_rows = is_tied(own, names.words) ? out.words : table(own);
    out.encoder_norm = norm(names.encoder_norm);
    out.decoder_norm = norm(names.decoder_norm);
    for (int i = 0; i < shape_.encoder_layers; ++i)
      out.encoder.push_back(encoder_layer(SpeechNames::encoder_layer(ct2, i)));
    for (int i = 0; i < shape_.decoder_layers; ++i)
      out.decoder.push_back(decoder_layer(SpeechNames::decoder_layer(ct2, i)));
    if (status_.ok()) status_ = tensors_.refuse_unused();
    return status_;
  }

  std::size_t bytes() const { return used_; }

  // Some panels at a time, so that no matrix ever stands in memory as floats.
  Status pack_all(ThreadPool& pool, const LoadProgress& progress) {
    constexpr int64_t kPanels = 8;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (progress && !progress(int(i * 1000 / jobs_.size())))
        return error(Code::cancelled, "loading was cancelled");
      const PackJob& job = jobs_[i];
      const int64_t panels = dense_panels(job.n);
      pool.run(int((panels + kPanels - 1) / kPanels), [&](int chunk) {
        const int64_t begin = chunk * kPanels, end = std::min(begin + kPanels, panels);
        pack(job, begin, end);
      });
      for (const SpeechTensor* source : job.sources) drop_pages(source->bytes);
    }
    return {};
  }

 private:
  struct PackJob {
    DenseType type;
    std::vector<const SpeechTensor*> sources;  // below one another
    int64_t n, k;
    bool turned;  // a convolution: [n, k / 3, 3] in the file
    std::byte* target;
  };

  void pack(const PackJob& job, int64_t panel_begin, int64_t panel_end) const {
    const int64_t first = panel_begin * kDensePanel;
    const int64_t count = std::min(panel_end * kDensePanel, job.n) - first;
    std::vector<float> rows(std::size_t(count * job.k));
    int64_t source_first = 0;
    for (const SpeechTensor* source : job.sources) {
      const int64_t source_end = source_first + int64_t(source->shape[0]);
      const int64_t from = std::max(first, source_first), to = std::min(first + count, source_end);
      if (from < to)
        read_floats(*source, std::size_t((from - source_first) * job.k),
                    std::size_t((to - from) * job.k), rows.data() + (from - first) * job.k);
      source_first = source_end;
    }
    if (job.turned) turn(rows, count, job.k / 3);
    // Panel 0 of what has been read goes to the place of the first panel.
    const std::size_t at = dense_packed_bytes(job.type, first, job.k);
    pack_dense({job.type, false, types_.narrow_int8, rows.data(), job.k, count, job.k, 0,
                panel_end - panel_begin, job.target + (first > 0 ? at : 0)});
  }

  // [count, width, 3] to [count, 3, width].
  static void turn(std::vector<float>& rows, int64_t count, int64_t width) {
    std::vector<float> row(std::size_t(3 * width));
    for (int64_t r = 0; r < count; ++r) {
      float* at = rows.data() + r * 3 * width;
      for (int64_t c = 0; c < width; ++c)
        for (int64_t tap = 0; tap < 3; ++tap) row[std::size_t(tap * width + c)] = at[c * 3 + tap];
      std::copy(row.begin(), row.end(), at);
    }
  }

  EncoderLayer encoder_layer(const EncoderLayerNames& names) {
    const int64_t hidden = shape_.hidden;
    return {.attention_norm = norm(names.attention_norm),
            .feed_norm = norm(names.feed_norm),
            .qkv = linear(names.qkv, 3 * hidden, hidden),
            .attention_out = linear(names.attention_out, hidden, hidden),
            .feed_in = linear(names.feed_in, shape_.encoder_ff, hidden),
            .feed_out = linear(names.feed_out, hidden, shape_.encoder_ff)};
  }

  DecoderLayer decoder_layer(const DecoderLayerNames& names) {
    const int64_t hidden = shape_.hidden;
    return {.self_norm = norm(names.self_norm),
            .cross_norm = norm(names.cross_norm),
            .feed_norm = norm(names.feed_norm),
            .qkv = linear(names.qkv, 3 * hidden, hidden),
            .self_out = linear(names.self_out, hidden, hidden),
            .cross_q = linear(names.cross_q, hidden, hidden),
            .cross_kv = linear(names.cross_kv, 2 * hidden, hidden),
            .cross_out = linear(names.cross_out, hidden, hidden),
            .feed_in = linear(names.feed_in, shape_.decoder_ff, hidden),
            .feed_out = linear(names.feed_out, hidden, shape_.decoder_ff)};
  }

  Norm norm(const NormNames& names) {
    const auto hidden = uint64_t(shape_.hidden);
    return {floats(names.gamma, {hidden}), floats(names.beta, {hidden})};
  }

  // n: rows of all the matrices together, in equal parts.
  Linear linear(const LinearNames& names, int64_t n, int64_t k) {
    PackJob job{types_.dense, {}, n, k, false, nullptr};
    const auto part = uint64_t(n) / names.weight.size();
    for (const std::string& name : names.weight)
      job.sources.push_back(take(name, {part, uint64_t(k)}));
    return {matrix(std::move(job)), biases(names.bias, part)};
  }

  Linear convolution(const LinearNames& names, int64_t width) {
    PackJob job{types_.convs, {}, shape_.hidden, 3 * width, true, nullptr};
    job.sources.push_back(take(names.weight[0], {uint64_t(shape_.hidden), uint64_t(width), 3}));
    return {matrix(std::move(job)), biases(names.bias, uint64_t(shape_.hidden))};
  }

  // Whether the logits' matrix is not there, is an alias or holds the same floats.
  bool is_tied(const std::string& name, const std::string& words) {
    const SpeechTensor *own = tensors_.find(name), *other = tensors_.find(words);
    if (own == nullptr || other == nullptr || own->bytes.data() == other->bytes.data()) return true;
    return own->is_float && own->type == other->type &&
           std::ranges::equal(own->bytes, other->bytes);
  }

  DenseWeights head(const std::string& name) {
    PackJob job{types_.dense, {}, shape_.vocab, shape_.hidden, false, nullptr};
    job.sources.push_back(take(name, {uint64_t(shape_.vocab), uint64_t(shape_.hidden)}));
    return matrix(std::move(job));
  }

  DenseWeights matrix(PackJob job) {
    if (!status_) return {};
    if (const Status fits = check_dense(job.type, job.n, job.k, false); !fits) {
      status_ = fits;
      return {};
    }
    job.target = place(dense_packed_bytes(job.type, job.n, job.k));
    const DenseWeights out = dense_weights(job.type, job.n, job.k, false, job.target);
    if (job.target != nullptr) jobs_.push_back(std::move(job));
    return out;
  }

  const float* biases(const std::vector<std::string>& names, uint64_t part) {
    auto* out = reinterpret_cast<float*>(place(names.size() * part * sizeof(float)));
    for (std::size_t i = 0; i < names.size(); ++i) {  // fresh memory is 0 where there is none
      if (names[i].empty()) continue;
      const SpeechTensor* tensor = take(names[i], {part});
      if (tensor != nullptr && out != nullptr) read_floats(*tensor, 0, part, out + i * part);
    }
    return out;
  }

  const float* floats(const std::string& name, const std::vector<uint64_t>& shape) {
    const SpeechTensor* tensor = take(name, shape);
    if (tensor == nullptr) return nullptr;
    std::size_t count = 1;
    for (const uint64_t side : shape) count *= std::size_t(side);
    auto* out = reinterpret_cast<float*>(place(count * sizeof(float)));
    if (out != nullptr) read_floats(*tensor, 0, count, out);
    return out;
  }

  RowTable table(const std::string& name) {
    const SpeechTensor* tensor = take(name, {uint64_t(shape_.vocab), uint64_t(shape_.hidden)});
    if (tensor == nullptr) return {};
    if (!tensor->is_float) {  // whole numbers with scales
      const std::size_t count = std::size_t(shape_.vocab) * std::size_t(shape_.hidden);
      std::byte* out = place(count * sizeof(float));
      if (out != nullptr) read_floats(*tensor, 0, count, reinterpret_cast<float*>(out));
      return {out, WeightType::f32};
    }
    std::byte* out = place(tensor->bytes.size());
    if (out != nullptr) std::memcpy(out, tensor->bytes.data(), tensor->bytes.size());
    return {out, tensor->floats};
  }

  const SpeechTensor* take(const std::string& name, const std::vector<uint64_t>& shape) {
    if (!status_) return nullptr;
    const Result<const SpeechTensor*> tensor = tensors_.take(name, shape);
    if (tensor) return *tensor;
    status_ = tensor.error();
    return nullptr;
  }

  std::byte* place(std::size_t bytes) {
    const std::size_t at = used_;
    used_ += aligned(bytes);
    return memory_ == nullptr ? nullptr : memory_ + at;
  }

  SpeechTensors& tensors_;
  const SpeechShape& shape_;
  ProductTypes types_;
  std::byte* memory_;
  std::size_t used_ = 0;
  std::vector<PackJob> jobs_;
  Status status_;
};

}  // namespace

ProductTypes product_types(DenseType dense, const Ops& ops) {
  return {dense, attention_in_bf16(ops, dense) ? DenseType::bf16 : DenseType::f32, ops.narrow_int8};
}

Result<std::size_t> weights_bytes(SpeechFolder& folder, const ProductTypes& types) {
  Loader loader(folder, types, nullptr);
  SpeechWeights ignored;
  if (const Status status = loader.walk(ignored); !status) return status.error();
  return loader.bytes();
}

Result<SpeechWeights> load_weights(SpeechFolder& folder, const ProductTypes& types,
                                   ThreadPool& pool, const LoadProgress& progress) {
  const Result<std::size_t> bytes = weights_bytes(folder, types);
  if (!bytes) return bytes.error();
  Result<AlignedMemory> memory = AlignedMemory::allocate(*bytes);
  if (!memory) return memory.error();
  SpeechWeights weights;
  Loader loader(folder, types, memory->data());
  if (const Status status = loader.walk(weights); !status) return status.error();
  if (const Status status = loader.pack_all(pool, progress); !status) return status.error();
  weights.memory = std::move(*memory);
  return weights;
}

}  // namespace serval::whisper
