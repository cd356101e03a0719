#include "plugins/llm/weights.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "kernels/float16.h"

namespace serval::llm {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}

// Walks the model's tensors twice with the same code: first to check and to add up their bytes,
// then to place them. Matrices are packed after the walk, all in one parallel run.
class Loader {
 public:
  // memory: where the weights are or will be, or nullptr for a walk that only adds up. fill: the
  // same memory if they are to be written there.
  Loader(const GgufFile& file, const std::byte* memory, std::byte* fill)
      : file_(file), memory_(memory), fill_(fill) {}

  Status walk(const ModelShape& shape, Weights& weights) {
    const auto hidden = uint64_t(shape.hidden);
    weights.embedding = matrix("token_embd.weight", uint64_t(shape.vocab), hidden);
    weights.output_norm = vector("output_norm.weight", hidden);
    const bool tied = file_.find_tensor("output.weight") == nullptr;
    weights.head =
        tied ? weights.embedding : matrix("output.weight", uint64_t(shape.vocab), hidden);
    coarse_head(weights);
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
          break;
        case AttentionKind::latent:
          latent(shape, prefix, layer.latent);
      }
      if (shape.layer[std::size_t(i)].experts)
        experts(shape, prefix, layer.experts);
      else
        feed_forward(shape.hidden, shape.feed_forward, prefix, "", layer.feed_forward);
    }
    refuse_unused();
    return status_;
  }

  std::size_t bytes() const { return used_; }
  // What stands where: a line for each piece. Two models of the same content and layout have the
  // same bytes.
  const std::string& layout() const { return layout_; }

  Status pack_all(ThreadPool& pool, const LoadProgress& progress) {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (progress && !progress(int(i * 1000 / jobs_.size())))
        return error(Code::cancelled, "loading was cancelled");
      const Job& job = jobs_[i];
      constexpr int64_t kGroups = 16;
      const int64_t groups = group_count(job.rows);
      const std::vector<std::byte> turned =
          job.source.turned ? turn(job) : std::vector<std::byte>();
      const std::byte* source = job.source.turned ? turned.data() : job.source.bytes.data();
      pool.run(int((groups + kGroups - 1) / kGroups), [&](int chunk) {
        const int64_t begin = chunk * kGroups;
        pack(job.type, source, job.rows, job.cols, begin, std::min(groups, begin + kGroups),
             job.target);
      });
      drop_pages(job.source.bytes);
    }
    if (coarse_source_.data != nullptr) {
      pool.run(int(group_count(coarse_source_.rows)), [&](int group) {
        build_coarse_head(coarse_source_, group, group + 1, coarse_memory_);
      });
    }
    return {};
  }

 private:
  struct Source {
    WeightType type;
    std::span<const std::byte> bytes;
    bool turned;  // holds the transpose of what is wanted, which is f32 or f16
  };
  struct Job {
    WeightType type;
    Source source;
    int64_t rows, cols;
    void* target;
  };

  // The job's matrix in file layout, out of a source that holds its transpose.
  static std::vector<std::byte> turn(const Job& job) {
    const std::size_t element = job.type == WeightType::f32 ? 4 : 2;
    std::vector<std::byte> out(std::size_t(job.rows * job.cols) * element);
    std::vector<float> column(std::size_t(job.rows));
    for (int64_t c = 0; c < job.cols; ++c) {
      dequantize_row(
          job.source.type,
          job.source.bytes.data() + std::size_t(c) * row_bytes(job.source.type, job.rows),
          column.data(), job.rows);
      for (int64_t r = 0; r < job.rows; ++r) {
        std::byte* to = out.data() + std::size_t(r * job.cols + c) * element;
        const uint16_t half = f32_to_f16(column[std::size_t(r)]);
        std::memcpy(to, element == 4 ? static_cast<const void*>(&column[std::size_t(r)]) : &half,
                    element);
      }
    }
    return out;
  }

  void coarse_head(Weights& weights) {
    const PackedMatrix& head = weights.head;
    if (!status_ || !wants_coarse_head(head)) return;
    const auto rows = uint64_t(head.rows), cols = uint64_t(head.cols);
    const auto floats = [&](const char* name) {
      return place(name, WeightType::f32, 0, rows, std::size_t(rows) * sizeof(float));
    };
    const std::size_t w = place("coarse head", WeightType::q4_1, rows, cols,
                                packed_bytes(WeightType::q4_1, head.rows, head.cols));
    const std::size_t slack = floats("coarse head, slack"),
                      certain = floats("coarse head, certain");
    const std::size_t spread =
        place("coarse head, spread", WeightType::bf16, rows, cols / kBlockCols,
              std::size_t(rows * (cols / kBlockCols)) * sizeof(uint16_t));
    if (memory_ == nullptr) return;
    weights.coarse_head = {packed_matrix(WeightType::q4_1, head.rows, head.cols, memory_ + w),
                           reinterpret_cast<const float*>(memory_ + slack),
                           reinterpret_cast<const float*>(memory_ + certain),
                           reinterpret_cast<const uint16_t*>(memory_ + spread)};
    if (fill_ == nullptr) return;
    coarse_source_ = head;
    coarse_memory_ = {fill_ + w, reinterpret_cast<float*>(fill_ + slack),
                      reinterpret_cast<float*>(fill_ + certain),
                      reinterpret_cast<uint16_t*>(fill_ + spread)};
  }

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

  void latent(const ModelShape& shape, const std::string& prefix, LatentWeights& out) {
    const auto hidden = uint64_t(shape.hidden), heads = uint64_t(shape.heads);
    const auto q_rank = uint64_t(shape.latent.q_rank), rank = uint64_t(shape.latent.kv_rank);
    const auto key = uint64_t(shape.latent.key_dim), value = uint64_t(shape.latent.value_dim);
    if (q_rank > 0) {
      out.q_a = linear(prefix + "attn_q_a", q_rank, hidden, false);
      out.q_a_norm = vector(prefix + "attn_q_a_norm.weight", q_rank);
      out.q_b = linear(prefix + "attn_q_b", uint64_t(shape.q_width()), q_rank, false);
    } else {
      out.q_b = linear(prefix + "attn_q", uint64_t(shape.q_width()), hidden, false);
    }
    out.kv_a = linear(prefix + "attn_kv_a_mqa", rank + uint64_t(shape.rotary_dim), hidden, false);
    out.kv_a_norm = vector(prefix + "attn_kv_a_norm.weight", rank);
    if (file_.find_tensor(prefix + "attn_k_b.weight") != nullptr) {
      out.k_b = matrices(prefix + "attn_k_b.weight", heads, rank, key);
      out.v_b = matrices(prefix + "attn_v_b.weight", heads, value, rank);
    } else {
      split_kv_b(prefix + "attn_kv_b.weight", shape, out);
    }
    out.o = linear(prefix + "attn_output", hidden, heads * value, false);
  }

  // Older files keep a head's projections to its key and to its value in one matrix, the rows of
  // the key first. Those are wanted the other way round: they are turned when they are packed.
  void split_kv_b(const std::string& name, const ModelShape& shape, LatentWeights& out) {
    const int64_t rank = shape.latent.kv_rank, key = shape.latent.key_dim;
    const int64_t value = shape.latent.value_dim;
    const GgufTensor* tensor =
        find(name, uint64_t(shape.heads) * uint64_t(key + value), uint64_t(rank));
    if (tensor == nullptr) return;
    const Result<WeightType> type = packable(*tensor, value, rank);
    if (!type) return;
    const WeightType turned = *type == WeightType::f32 ? WeightType::f32 : WeightType::f16;
    const std::size_t row = row_bytes(*type, rank);
    for (int head = 0; head < shape.heads; ++head) {
      const auto at = tensor->bytes.subspan(std::size_t(head * (key + value)) * row);
      out.k_b.push_back(
          place_matrix(name, turned, rank, key, {*type, at.first(std::size_t(key) * row), true}));
      out.v_b.push_back(place_matrix(
          name, *type, value, rank,
          {*type, at.subspan(std::size_t(key) * row, std::size_t(value) * row), false}));
    }
  }

  // suffix: behind the tensors' names, for the experts' shared part.
  void feed_forward(int hidden_width, int inner_width, const std::string& prefix,
                    const std::string& suffix, FeedForwardWeights& out) {
    const auto hidden = uint64_t(hidden_width), width = uint64_t(inner_width);
    out.gate = linear(prefix + "ffn_gate" + suffix, width, hidden, false);
    out.up = linear(prefix + "ffn_up" + suffix, width, hidden, false);
    out.down = linear(prefix + "ffn_down" + suffix, hidden, width, false);
  }

  void experts(const ModelShape& shape, const std::string& prefix, ExpertWeights& out) {
    const auto hidden = uint64_t(shape.hidden), width = uint64_t(shape.experts.feed_forward);
    const auto count = uint64_t(shape.experts.count);
    out.router = linear(prefix + "ffn_gate_inp", count, hidden, false);
    out.gate = matrices(prefix + "ffn_gate_exps.weight", count, width, hidden);
    out.up = matrices(prefix + "ffn_up_exps.weight", count, width, hidden);
    out.down = matrices(prefix + "ffn_down_exps.weight", count, hidden, width);
    if (file_.find_tensor(prefix + "exp_probs_b.bias") != nullptr)
      out.choice_bias = vector(prefix + "exp_probs_b.bias", count);
    if (shape.experts.shared > 0)
      feed_forward(shape.hidden, shape.experts.shared, prefix, "_shexp", out.shared);
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

  // The offset of a piece of so many bytes.
  std::size_t place(const std::string& name, WeightType type, uint64_t rows, uint64_t cols,
                    std::size_t bytes) {
    const std::size_t at = used_;
    used_ += aligned(bytes);
    if (memory_ == nullptr)
      layout_ += name + ' ' + std::to_string(uint32_t(type)) + ' ' + std::to_string(rows) + ' ' +
                 std::to_string(cols) + ' ' + std::to_string(at) + '\n';
    return at;
  }

  const float* vector(const std::string& name, uint64_t size) {
    const GgufTensor* tensor = find(name, 0, size);
    if (tensor == nullptr) return nullptr;
    const Result<WeightType> type = weight_type(uint32_t(tensor->type));
    if (!type || size % uint64_t(block_info(*type).elements) != 0) {
      fail(name, "has a type that a vector cannot have");
      return nullptr;
    }
    const std::size_t at = place(name, *type, 0, size, std::size_t(size) * sizeof(float));
    if (fill_ != nullptr)
      dequantize_row(*type, tensor->bytes.data(), reinterpret_cast<float*>(fill_ + at),
                     int64_t(size));
    return memory_ == nullptr ? nullptr : reinterpret_cast<const float*>(memory_ + at);
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
    const Result<WeightType> type = packable(*tensor, int64_t(rows), int64_t(cols));
    if (!type) return {};
    std::vector<PackedMatrix> out;
    for (uint64_t i = 0; i < count; ++i)
      out.push_back(place_matrix(name, *type, int64_t(rows), int64_t(cols),
                                 {*type, tensor->matrix(i), false}));
    return out;
  }

  // The type of the tensor if matrices [rows, cols] of it can be packed.
  Result<WeightType> packable(const GgufTensor& tensor, int64_t rows, int64_t cols) {
    const Result<WeightType> type = weight_type(uint32_t(tensor.type));
    const Status legal = type ? check_packable(*type, rows, cols) : Status(type.error());
    if (legal.ok()) return type;
    const Error why =
        error(legal.error().code, file_.path().string() + ": tensor " + std::string(tensor.name) +
                                      ": " + legal.error().message);
    if (status_.ok()) status_ = why;
    return why;
  }

  // A matrix [rows, cols] packed as `type`, once pack_all has run.
  PackedMatrix place_matrix(const std::string& name, WeightType type, int64_t rows, int64_t cols,
                            const Source& source) {
    const std::size_t at =
        place(name, type, uint64_t(rows), uint64_t(cols), packed_bytes(type, rows, cols));
    if (fill_ != nullptr) jobs_.push_back({type, source, rows, cols, fill_ + at});
    return packed_matrix(type, rows, cols, memory_ == nullptr ? nullptr : memory_ + at);
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
  const std::byte* memory_;
  std::byte* fill_;
  std::size_t used_ = 0;
  std::string layout_;
  std::vector<Job> jobs_;
  PackedMatrix coarse_source_;  // the head whose copy pack_all makes
  CoarseHeadMemory coarse_memory_{};
  std::unordered_set<std::string_view> used_names_;
  Status status_;
};

// kPackLayout must also change when the same pieces come to be filled otherwise.
Digest pack_id(const Digest& content, const std::string& layout) {
  Sha256 hash;
  hash.add("layout " + std::to_string(kPackLayout) + "\n" + layout);
  hash.add(content);
  return hash.finish();
}

}  // namespace

Result<std::size_t> weights_bytes(const GgufFile& file, const ModelShape& shape) {
  Weights unused{};
  Loader loader(file, nullptr, nullptr);
  if (const Status status = loader.walk(shape, unused); !status) return status.error();
  return loader.bytes();
}

Result<Weights> load_weights(const GgufFile& file, const ModelShape& shape, ThreadPool& pool,
                             const LoadProgress& progress, std::optional<PackCache> cache,
                             const LoadNote& note) {
  const auto tell = [&](bool warning, const std::string& text) {
    if (note) note(warning, text);
  };
  Loader plan(file, nullptr, nullptr);
  Weights unused{};
  if (const Status status = plan.walk(shape, unused); !status) return status.error();
  Weights weights{};
  Digest id{};
  if (cache) {
    const Result<Digest> content =
        cache->content(file.sources(), pool, [&] { return progress && !progress(0); });
    if (!content) return content.error();
    id = pack_id(*content, plan.layout());
    Result<PackFile> found = cache->find(id, plan.bytes(), pool);
    if (found) {
      weights.mapped = std::move(*found);
      Loader loader(file, weights.mapped.payload().data(), nullptr);
      if (const Status status = loader.walk(shape, weights); !status) return status.error();
      tell(false, "mapped the packed weights of an earlier start");
      return weights;
    }
    if (found.error().code != Code::not_found)
      tell(true, "packed weights are made again: " + found.error().message);
  }

  Result<AlignedMemory> memory = AlignedMemory::allocate(plan.bytes());
  if (!memory) return memory.error();
  weights.memory = std::move(*memory);
  std::byte* data = weights.memory.data();
  Loader loader(file, data, data);
  if (const Status status = loader.walk(shape, weights); !status) return status.error();
  if (const Status status = loader.pack_all(pool, progress); !status) return status.error();
  if (cache)
    weights.writer = PackWriter(std::move(*cache), file.sources(), id, {data, plan.bytes()}, note);
  return weights;
}

}  // namespace serval::llm
