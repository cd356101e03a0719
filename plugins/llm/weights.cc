#include "plugins/llm/weights.h"

#include <cstring>

namespace serval::llm {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}

// Walks the model's tensors twice with the same code: first to check and to add up their bytes,
// then to place them. Matrices are packed after the walk, all in one parallel run.
class Loader {
 public:
  Loader(const GgufFile& file, std::byte* memory) : file_(file), memory_(memory) {}

  Status walk(const ModelShape& shape, Weights& weights) {
    const auto hidden = uint64_t(shape.hidden), ff = uint64_t(shape.feed_forward);
    const auto q = uint64_t(shape.q_width()), kv = uint64_t(shape.kv_width());
    weights.embedding = matrix("token_embd.weight", uint64_t(shape.vocab), hidden);
    weights.output_norm = vector("output_norm.weight", hidden);
    const bool tied = file_.find_tensor("output.weight") == nullptr;
    weights.head =
        tied ? weights.embedding : matrix("output.weight", uint64_t(shape.vocab), hidden);
    weights.layers.resize(std::size_t(shape.layers));
    for (int i = 0; i < shape.layers; ++i) {
      LayerWeights& layer = weights.layers[std::size_t(i)];
      const std::string prefix = "blk." + std::to_string(i) + ".";
      const bool bias = shape.family.qkv_bias;
      layer.attention_norm = vector(prefix + "attn_norm.weight", hidden);
      layer.q = linear(prefix + "attn_q", q, hidden, bias);
      layer.k = linear(prefix + "attn_k", kv, hidden, bias);
      layer.v = linear(prefix + "attn_v", kv, hidden, bias);
      layer.o = linear(prefix + "attn_output", hidden, q, false);
      layer.feed_forward_norm = vector(prefix + "ffn_norm.weight", hidden);
      layer.gate = linear(prefix + "ffn_gate", ff, hidden, false);
      layer.up = linear(prefix + "ffn_up", ff, hidden, false);
      layer.down = linear(prefix + "ffn_down", hidden, ff, false);
    }
    return status_;
  }

  std::size_t bytes() const { return used_; }

  Status pack_all(ThreadPool& pool, const LoadProgress& progress) {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (progress && !progress(int(i * 1000 / jobs_.size())))
        return error(Code::cancelled, "loading was cancelled");
      const Job& job = jobs_[i];
      constexpr int64_t kGroups = 16;
      const int64_t groups = group_count(job.rows);
      pool.run(int((groups + kGroups - 1) / kGroups), [&](int chunk) {
        const int64_t begin = chunk * kGroups;
        pack(job.type, job.source.data(), job.rows, job.cols, begin, std::min(groups, begin + kGroups),
             job.target);
      });
      drop_pages(job.source);
    }
    return {};
  }

 private:
  struct Job {
    WeightType type;
    std::span<const std::byte> source;
    int64_t rows, cols;
    void* target;
  };

  void fail(const std::string& name, const std::string& what) {
    if (status_.ok()) status_ = invalid(file_.path().string() + ": tensor " + name + " " + what);
  }

  // The tensor, or nullptr after an error. rows 0: a vector.
  const GgufTensor* find(const std::string& name, uint64_t rows, uint64_t cols) {
    const Result<const GgufTensor*> tensor = file_.tensor(name);
    if (!tensor) {
      if (status_.ok()) status_ = tensor.error();
      return nullptr;
    }
    const auto& dims = (*tensor)->dims;
    const bool fits =
        dims[0] == cols && dims[1] == (rows == 0 ? 1 : rows) && dims[2] == 1 && dims[3] == 1;
    if (!fits) {
      fail(name, "is [" + std::to_string(dims[1]) + ", " + std::to_string(dims[0]) + "], want [" +
                     std::to_string(rows == 0 ? 1 : rows) + ", " + std::to_string(cols) + "]");
      return nullptr;
    }
    return *tensor;
  }

  std::byte* place(std::size_t bytes) {
    const std::size_t at = used_;
    used_ += aligned(bytes);
    return memory_ == nullptr ? nullptr : memory_ + at;
  }

  const float* vector(const std::string& name, uint64_t size) {
    const GgufTensor* tensor = find(name, 0, size);
    if (tensor == nullptr) return nullptr;
    const Result<WeightType> type = weight_type(uint32_t(tensor->type));
    if (!type || size % uint64_t(block_info(*type).elements) != 0) {
      fail(name, "has a type that a vector cannot have");
      return nullptr;
    }
    auto* out = reinterpret_cast<float*>(place(std::size_t(size) * sizeof(float)));
    if (out != nullptr) dequantize_row(*type, tensor->bytes.data(), out, int64_t(size));
    return out;
  }

  PackedMatrix matrix(const std::string& name, uint64_t rows, uint64_t cols) {
    const GgufTensor* tensor = find(name, rows, cols);
    if (tensor == nullptr) return {};
    const Result<WeightType> type = weight_type(uint32_t(tensor->type));
    Status legal =
        type ? check_packable(*type, int64_t(rows), int64_t(cols)) : Status(type.error());
    if (!legal) {
      if (status_.ok())
        status_ = error(legal.error().code,
                        file_.path().string() + ": tensor " + name + ": " + legal.error().message);
      return {};
    }
    std::byte* out = place(packed_bytes(*type, int64_t(rows), int64_t(cols)));
    if (out != nullptr)
      jobs_.push_back({*type, tensor->bytes, int64_t(rows), int64_t(cols), out});
    return packed_matrix(*type, int64_t(rows), int64_t(cols), out);
  }

  Linear linear(const std::string& name, uint64_t rows, uint64_t cols, bool bias) {
    Linear linear;
    linear.w = matrix(name + ".weight", rows, cols);
    // A bias the family does not have would be lost without a word; Llama files may carry one.
    if (bias || file_.find_tensor(name + ".bias") != nullptr)
      linear.bias = vector(name + ".bias", rows);
    return linear;
  }

  const GgufFile& file_;
  std::byte* memory_;
  std::size_t used_ = 0;
  std::vector<Job> jobs_;
  Status status_;
};

}  // namespace

Result<std::size_t> weights_bytes(const GgufFile& file, const ModelShape& shape) {
  Weights unused{};
  Loader loader(file, nullptr);
  if (const Status status = loader.walk(shape, unused); !status) return status.error();
  return loader.bytes();
}

Result<Weights> load_weights(const GgufFile& file, const ModelShape& shape, ThreadPool& pool,
                             const LoadProgress& progress) {
  const Result<std::size_t> bytes = weights_bytes(file, shape);
  if (!bytes) return bytes.error();
  Result<AlignedMemory> memory = AlignedMemory::allocate(*bytes);
  if (!memory) return memory.error();
  Weights weights{};
  weights.memory = std::move(*memory);
  Loader loader(file, weights.memory.data());
  if (const Status status = loader.walk(shape, weights); !status) return status.error();
  if (const Status status = loader.pack_all(pool, progress); !status) return status.error();
  return weights;
}

}  // namespace serval::llm
