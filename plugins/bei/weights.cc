#include "plugins/bei/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "kernels/dense_pack.h"

namespace serval::bei {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}

// The row of the table of relative biases for a key `distance` tokens behind its query (Raffel et
// al. 2020, section 2.1): half of the rows for either side; of those the first half for one
// distance each, the others for distances that grow geometrically up to 128.
int relative_bucket(int distance, int buckets) {
  constexpr float kFarthest = 128;
  const int side = buckets / 2, near = side / 2;
  const int first = distance > 0 ? side : 0;
  const int far = std::abs(distance);
  if (far < near) return first + far;
  // In float, as the models were trained: the borders between rows are where that rounds them.
  const float place = std::log(float(far) / float(near)) / std::log(kFarthest / float(near));
  return first + std::min(near + int(place * float(side - near)), side - 1);
}

// Walks the model's tensors twice with the same code: first to check and to add up their bytes,
// then to place them. Matrices are packed after the walk.
class Loader {
 public:
  // memory: where the weights go, or nullptr for a walk that only adds up.
  Loader(TensorTable& tensors, std::byte* memory) : tensors_(&tensors), memory_(memory) {}

  Status walk(const ModelDescription& model, const SentenceModules& modules, DenseType type,
              int max_tokens, Weights& out) {
    const Architecture& a = model.architecture;
    const EncoderNames& names = model.encoder;
    words(names.words, a, out.words);
    const auto hidden = uint64_t(a.hidden);
    if (!names.positions.empty())
      out.positions =
          floats(names.positions, {uint64_t(a.position_offset + a.max_positions), hidden});
    if (!names.token_types.empty())
      out.types = floats(names.token_types, {uint64_t(a.token_types), hidden});
    out.relative_bias = relative_bias(names.relative_bias, a, max_tokens);
    out.embedding_norm = norm(names.embedding_norm, a.hidden);
    out.final_norm = norm(names.final_norm, a.hidden);
    out.layers.resize(names.layers.size());
    for (std::size_t i = 0; i < out.layers.size(); ++i)
      layer(names.layers[i], a, type, out.layers[i]);
    const int classes = int(model.labels.size());
    out.head = head(model.head, a.hidden, classes, DenseType::f32);
    out.masked_words = head(model.masked_words, a.hidden, a.vocab,
                            type == DenseType::f32 ? DenseType::f32 : DenseType::bf16);
    if (status_.ok()) status_ = tensors_->refuse_unused(model.unused);
    dense_modules(modules, a.hidden, out);
    return status_;
  }

  std::size_t bytes() const { return used_; }

  Status pack_all(bool narrow, ThreadPool& pool, const LoadProgress& progress) {
    std::vector<float> rows;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (progress && !progress(int(i * 1000 / jobs_.size())))
        return error(Code::cancelled, "loading was cancelled");
      const PackJob& job = jobs_[i];
      rows.resize(std::size_t(job.n * job.k));
      float* to = rows.data();
      for (const Safetensor* source : job.sources) {
        const std::size_t count = std::size_t(source->shape[0] * source->shape[1]);
        read_floats(*source, 0, count, to);
        drop_pages(source->bytes);
        to += count;
      }
      constexpr int64_t kPanels = 8;
      const int64_t panels = dense_panels(job.n);
      pool.run(int((panels + kPanels - 1) / kPanels), [&](int chunk) {
        const int64_t begin = chunk * kPanels;
        pack_dense({job.type, job.gated, narrow, rows.data(), job.k, job.n, job.k, begin,
                    std::min(begin + kPanels, panels), job.target});
      });
    }
    return {};
  }

 private:
  struct PackJob {
    DenseType type;
    bool gated;
    std::vector<const Safetensor*> sources;
    int64_t n, k;
    void* target;
  };

  void words(const std::string& name, const Architecture& a, WordTable& out) {
    const Safetensor* tensor = take(name, {uint64_t(a.vocab), uint64_t(a.hidden)});
    if (tensor == nullptr) return;
    std::byte* to = place(tensor->bytes.size());
    out.type = tensor->type == SafetensorsType::f32   ? WeightType::f32
               : tensor->type == SafetensorsType::f16 ? WeightType::f16
                                                      : WeightType::bf16;
    out.data = to;
    if (to == nullptr) return;
    std::memcpy(to, tensor->bytes.data(), tensor->bytes.size());
    drop_pages(tensor->bytes);
  }

  const float* relative_bias(const std::string& name, const Architecture& a, int max_tokens) {
    if (name.empty()) return nullptr;
    const Safetensor* tensor = take(name, {uint64_t(a.relative_buckets), uint64_t(a.heads)});
    const int span = 2 * max_tokens - 1;
    auto* out = reinterpret_cast<float*>(place(std::size_t(a.heads * span) * sizeof(float)));
    if (tensor == nullptr || out == nullptr) return nullptr;
    std::vector<float> table(std::size_t(a.relative_buckets * a.heads));
    read_floats(*tensor, 0, table.size(), table.data());
    for (int head = 0; head < a.heads; ++head)
      for (int at = 0; at < span; ++at) {
        const int bucket = relative_bucket(at - (max_tokens - 1), a.relative_buckets);
        out[head * span + at] = table[std::size_t(bucket * a.heads + head)];
      }
    return out;
  }

  void layer(const LayerNames& names, const Architecture& a, DenseType type, LayerWeights& out) {
    out.attention_norm = norm(names.attention_norm, a.hidden);
    out.feed_forward_norm = norm(names.feed_forward_norm, a.hidden);
    const int64_t inner = a.feed_forward;
    // Queries, keys and values: one tensor of all, or one of each.
    const std::vector<int64_t> qkv =
        names.qkv.weight.size() == 1
            ? std::vector<int64_t>{a.qkv_width()}
            : std::vector<int64_t>{a.q_width(), a.kv_width(), a.kv_width()};
    out.qkv = linear(names.qkv, qkv, a.hidden, type);
    out.attention_out = linear(names.attention_out, {a.hidden}, a.q_width(), type);
    const std::vector<int64_t> in = !a.gated                           ? std::vector{inner}
                                    : names.feed_in.weight.size() == 1 ? std::vector{2 * inner}
                                                                       : std::vector{inner, inner};
    out.feed_in = linear(names.feed_in, in, a.hidden, type, a.gated);
    out.feed_out = linear(names.feed_out, {a.hidden}, inner, type);
    if (names.q_norm.empty()) return;
    out.q_norm = floats(names.q_norm, {uint64_t(a.head_dim)});
    out.k_norm = floats(names.k_norm, {uint64_t(a.head_dim)});
  }

  HeadWeights head(const HeadNames& names, int hidden, int outputs, DenseType type) {
    HeadWeights out;
    if (names.classifier.weight.empty()) return out;
    if (!names.dense.weight.empty())
      out.dense = linear(names.dense, {hidden}, hidden, DenseType::f32);
    out.activation = names.activation;
    out.norm = norm(names.norm, hidden);
    out.classifier = linear(names.classifier, {outputs}, hidden, type);
    return out;
  }

  void dense_modules(const SentenceModules& modules, int width, Weights& out) {
    for (const DenseModule& module : modules.dense) {
      if (module.in != width)
        return fail(invalid(module.folder.string() + ": in_features is " +
                            std::to_string(module.in) + ", want " + std::to_string(width)));
      width = module.out;
      Result<TensorTable> table = TensorTable::open(module.folder);
      if (!table) return fail(table.error());
      module_tables_.push_back(std::make_unique<TensorTable>(std::move(*table)));
      TensorTable* const model = tensors_;
      tensors_ = module_tables_.back().get();
      const DenseNames names{
          {"linear.weight"},
          module.bias ? std::vector<std::string>{"linear.bias"} : std::vector<std::string>{}};
      out.dense_modules.push_back(linear(names, {module.out}, module.in, DenseType::f32));
      out.dense_activations.push_back(module.activation);
      tensors_ = model;
    }
  }

  Norm norm(const NormNames& names, int width) {
    Norm out;
    if (names.weight.empty()) return out;
    out.gamma = floats(names.weight, {uint64_t(width)});
    if (!names.bias.empty()) out.beta = floats(names.bias, {uint64_t(width)});
    return out;
  }

  // rows: of each tensor, which stand below one another.
  Linear linear(const DenseNames& names, const std::vector<int64_t>& rows, int64_t k,
                DenseType type, bool gated = false) {
    PackJob job{type, gated, {}, 0, k, nullptr};
    for (std::size_t i = 0; i < names.weight.size(); ++i) {
      job.sources.push_back(take(names.weight[i], {uint64_t(rows[i]), uint64_t(k)}));
      job.n += rows[i];
    }
    if (!status_) return {};
    if (const Status fits = check_dense(type, job.n, k, gated); !fits) {
      fail(fits.error());
      return {};
    }
    std::byte* to = place(dense_packed_bytes(type, job.n, k));
    Linear out;
    out.w = dense_weights(type, job.n, k, gated, to);
    if (!names.bias.empty()) out.bias = biases(names.bias, rows, job.n);
    if (to == nullptr || !status_) return out;
    job.target = to;
    jobs_.push_back(std::move(job));
    return out;
  }

  const float* biases(const std::vector<std::string>& names, const std::vector<int64_t>& rows,
                      int64_t n) {
    auto* out = reinterpret_cast<float*>(place(std::size_t(n) * sizeof(float)));
    int64_t at = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Safetensor* tensor = take(names[i], {uint64_t(rows[i])});
      if (tensor != nullptr && out != nullptr)
        read_floats(*tensor, 0, std::size_t(rows[i]), out + at);
      at += rows[i];
    }
    return out;
  }

  const float* floats(const std::string& name, const std::vector<uint64_t>& shape) {
    const Safetensor* tensor = take(name, shape);
    if (tensor == nullptr) return nullptr;
    std::size_t count = 1;
    for (const uint64_t side : shape) count *= std::size_t(side);
    auto* out = reinterpret_cast<float*>(place(count * sizeof(float)));
    if (out != nullptr) read_floats(*tensor, 0, count, out);
    return out;
  }

  const Safetensor* take(const std::string& name, const std::vector<uint64_t>& shape) {
    if (!status_) return nullptr;
    const Result<const Safetensor*> tensor = tensors_->take(name, shape);
    if (tensor) return *tensor;
    status_ = tensor.error();
    return nullptr;
  }

  std::byte* place(std::size_t bytes) {
    const std::size_t at = used_;
    used_ += aligned(bytes);
    return memory_ == nullptr ? nullptr : memory_ + at;
  }

  void fail(Error error) {
    if (status_.ok()) status_ = std::move(error);
  }

  TensorTable* tensors_;
  std::vector<std::unique_ptr<TensorTable>> module_tables_;
  std::byte* memory_;
  std::size_t used_ = 0;
  std::vector<PackJob> jobs_;
  Status status_;
};

}  // namespace

Result<std::size_t> weights_bytes(TensorTable& tensors, const ModelDescription& model,
                                  const SentenceModules& modules, DenseType type, int max_tokens) {
  Loader loader(tensors, nullptr);
  Weights ignored;
  if (const Status status = loader.walk(model, modules, type, max_tokens, ignored); !status)
    return status.error();
  return loader.bytes();
}

Result<Weights> load_weights(TensorTable& tensors, const ModelDescription& model,
                             const SentenceModules& modules, DenseType type, int max_tokens,
                             const Ops& ops, ThreadPool& pool, const LoadProgress& progress) {
  const Result<std::size_t> bytes = weights_bytes(tensors, model, modules, type, max_tokens);
  if (!bytes) return bytes.error();
  Result<AlignedMemory> memory = AlignedMemory::allocate(*bytes);
  if (!memory) return memory.error();
  Weights weights;
  Loader loader(tensors, memory->data());
  if (const Status status = loader.walk(model, modules, type, max_tokens, weights); !status)
    return status.error();
  if (const Status status = loader.pack_all(ops.narrow_int8, pool, progress); !status)
    return status.error();
  weights.memory = std::move(*memory);
  return weights;
}

}  // namespace serval::bei
