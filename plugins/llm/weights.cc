#include "plugins/llm/weights.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

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
    const auto hidden = uint64_t(shape.hidden);
    weights.embedding = matrix("token_embd.weight", uint64_t(shape.vocab), hidden);
    weights.output_norm = vector("output_norm.weight", hidden);
    const bool tied = file_.find_tensor("output.weight") == nullptr;
    weights.head =
        tied ? weights.embedding : matrix("output.weight", uint64_t(shape.vocab), hidden);
    weights.layers.resize(std::size_t(shape.layers));
    for (int i = 0; i < shape.layers; ++i) {
      LayerWeights& layer = weights.layers[std::size_t(i)];
      const std::string prefix = "blk." + std::to_string(i) + ".";
      layer.attention_norm = vector(prefix + "attn_norm.weight", hidden);
      layer.feed_forward_norm = vector(prefix + "ffn_norm.weight", hidden);
      if (shape.post_norms) {
        layer.post_attention_norm = vector(prefix + "post_attention_norm.weight", hidden);
        layer.post_feed_forward_norm = vector(prefix + "post_ffw_norm.weight", hidden);
      }
      switch (shape.attention) {
        case AttentionKind::grouped:
          attention(shape, prefix, layer.attention);
      }
      if (shape.layer[std::size_t(i)].experts)
        experts(shape, prefix, layer.experts);
      else
        feed_forward(shape, prefix, layer.feed_forward);
    }
    refuse_unused();
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
        pack(job.type, job.source.data(), job.rows, job.cols, begin,
             std::min(groups, begin + kGroups), job.target);
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

  void attention(const ModelShape& shape, const std::string& prefix, AttentionWeights& out) {
    const auto hidden = uint64_t(shape.hidden), head = uint64_t(shape.head_dim);
    const auto q = uint64_t(shape.q_width()), kv = uint64_t(shape.kv_width());
    out.q = linear(prefix + "attn_q", q, hidden, shape.qkv_bias);
    out.k = linear(prefix + "attn_k", kv, hidden, shape.qkv_bias);
    out.v = linear(prefix + "attn_v", kv, hidden, shape.qkv_bias);
    out.o = linear(prefix + "attn_output", hidden, q, false);
    if (!shape.qk_norm) return;
    out.q_norm = vector(prefix + "attn_q_norm.weight", head);
    out.k_norm = vector(prefix + "attn_k_norm.weight", head);
  }

  void feed_forward(const ModelShape& shape, const std::string& prefix, FeedForwardWeights& out) {
    const auto hidden = uint64_t(shape.hidden), width = uint64_t(shape.feed_forward);
    out.gate = linear(prefix + "ffn_gate", width, hidden, false);
    out.up = linear(prefix + "ffn_up", width, hidden, false);
    out.down = linear(prefix + "ffn_down", hidden, width, false);
  }

  void experts(const ModelShape& shape, const std::string& prefix, ExpertWeights& out) {
    const auto hidden = uint64_t(shape.hidden), width = uint64_t(shape.experts.feed_forward);
    const auto count = uint64_t(shape.experts.count);
    out.router = linear(prefix + "ffn_gate_inp", count, hidden, false);
    out.gate = matrices(prefix + "ffn_gate_exps.weight", count, width, hidden);
    out.up = matrices(prefix + "ffn_up_exps.weight", count, width, hidden);
    out.down = matrices(prefix + "ffn_down_exps.weight", count, hidden, width);
  }

  // A tensor nobody has asked for belongs to a model that computes something else.
  void refuse_unused() {
    if (!status_) return;
    for (const GgufTensor& tensor : file_.tensors()) {
      if (tensor.name == "rope_freqs.weight" || used_names_.contains(tensor.name)) continue;
      status_ = error(Code::unimplemented,
                      file_.path().string() + ": tensor " + std::string(tensor.name) +
                          " is not of the architecture this engine knows by that name");
      return;
    }
  }

  void fail(const std::string& name, const std::string& what) {
    if (status_.ok()) status_ = invalid(file_.path().string() + ": tensor " + name + " " + what);
  }

  // The tensor, or nullptr after an error. rows 0: a vector; depth: how many matrices.
  const GgufTensor* find(const std::string& name, uint64_t rows, uint64_t cols,
                         uint64_t depth = 1) {
    const Result<const GgufTensor*> tensor = file_.tensor(name);
    if (!tensor) {
      if (status_.ok()) status_ = tensor.error();
      return nullptr;
    }
    used_names_.insert((*tensor)->name);
    const auto& dims = (*tensor)->dims;
    const uint64_t want[] = {cols, rows == 0 ? 1 : rows, depth, 1};
    if (!std::equal(dims.begin(), dims.end(), want)) {
      const auto list = [](const auto& d) {
        return "[" + (d[2] == 1 ? "" : std::to_string(d[2]) + ", ") + std::to_string(d[1]) + ", " +
               std::to_string(d[0]) + "]";
      };
      fail(name, "is " + list(dims) + ", want " + list(want));
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
    const std::vector<PackedMatrix> one = matrices(name, 1, rows, cols);
    return one.empty() ? PackedMatrix{} : one[0];
  }

  // A stack of `count` matrices; empty after an error.
  std::vector<PackedMatrix> matrices(const std::string& name, uint64_t count, uint64_t rows,
                                     uint64_t cols) {
    const GgufTensor* tensor = find(name, rows, cols, count);
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
    std::vector<PackedMatrix> out;
    const std::size_t bytes = tensor->bytes.size() / count;
    for (uint64_t i = 0; i < count; ++i) {
      std::byte* at = place(packed_bytes(*type, int64_t(rows), int64_t(cols)));
      if (at != nullptr)
        jobs_.push_back(
            {*type, tensor->bytes.subspan(i * bytes, bytes), int64_t(rows), int64_t(cols), at});
      out.push_back(packed_matrix(*type, int64_t(rows), int64_t(cols), at));
    }
    return out;
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
  std::unordered_set<std::string_view> used_names_;
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
