#include "plugins/bei/encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace serval::bei {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}

}  // namespace

Encoder::Sizes Encoder::sizes(const Architecture& a, DenseType type, int threads, int max_tokens,
                              int longest) {
  Sizes s{};
  const auto floats = [](int64_t count) { return aligned(std::size_t(count) * sizeof(float)); };
  s.states = floats(int64_t(max_tokens) * a.hidden);
  s.qkv = floats(int64_t(max_tokens) * a.qkv_width());
  s.hidden_rows = dense_row_bytes(type, a.hidden);
  s.query_rows = dense_row_bytes(type, a.q_width());
  s.inner_rows = dense_row_bytes(type, a.feed_forward);
  s.slot = aligned(kRows * s.hidden_rows) + aligned(kRows * s.query_rows) +
           floats(int64_t(kRows) * a.hidden) + floats(int64_t(kRows) * a.feed_forward) +
           aligned(kRows * s.inner_rows) + aligned(packed_attention_scratch(longest, a.head_dim));
  s.total = s.states + s.qkv + std::size_t(threads) * s.slot;
  return s;
}

std::size_t Encoder::workspace_bytes(const Architecture& architecture, DenseType type, int threads,
                                     int max_tokens, int longest) {
  std::size_t angles = 0;
  for (const AttentionSpan& span : architecture.layers)
    if (span.rope_base > 0)
      angles = 2 * std::size_t(longest) * std::size_t(architecture.head_dim) * sizeof(float);
  return sizes(architecture, type, threads, max_tokens, longest).total + angles;
}

Result<Encoder> Encoder::create(const Architecture& architecture, const Weights& weights,
                                DenseType type, const Ops& ops, ThreadPool& pool, int max_tokens,
                                int longest) {
  const Sizes s = sizes(architecture, type, pool.threads(), max_tokens, longest);
  Result<AlignedMemory> memory = AlignedMemory::allocate(s.total);
  if (!memory) return memory.error();
  return Encoder(architecture, weights, type, ops, pool, max_tokens, longest, std::move(*memory));
}

Encoder::Encoder(const Architecture& architecture, const Weights& weights, DenseType type,
                 const Ops& ops, ThreadPool& pool, int max_tokens, int longest,
                 AlignedMemory memory)
    : a_(architecture),
      w_(weights),
      type_(type),
      ops_(ops),
      pool_(pool),
      longest_(longest),
      sizes_(sizes(architecture, type, pool.threads(), max_tokens, longest)),
      memory_(std::move(memory)) {
  std::byte* at = memory_.data();
  const auto take = [&](std::size_t bytes) { return std::exchange(at, at + aligned(bytes)); };
  const auto take_floats = [&](int64_t count) {
    return reinterpret_cast<float*>(take(std::size_t(count) * sizeof(float)));
  };
  states_ = take_floats(int64_t(max_tokens) * a_.hidden);
  qkv_ = take_floats(int64_t(max_tokens) * a_.qkv_width());
  for (int i = 0; i < pool_.threads(); ++i) {
    Slot slot;
    slot.prepared = take(kRows * sizes_.hidden_rows);
    slot.attention = take(kRows * sizes_.query_rows);
    slot.out = take_floats(int64_t(kRows) * a_.hidden);
    slot.inner = take_floats(int64_t(kRows) * a_.feed_forward);
    slot.inner_prepared = take(kRows * sizes_.inner_rows);
    slot.scratch = take(packed_attention_scratch(longest_, a_.head_dim));
    slots_.add(slot);
  }
  for (const AttentionSpan& span : a_.layers) {
    if (span.rope_base == 0) continue;
    if (std::any_of(angles_.begin(), angles_.end(),
                    [&](const auto& known) { return known.first == span.rope_base; }))
      continue;
    std::vector<float> table(std::size_t(longest_) * std::size_t(a_.head_dim));
    build_rope_table(table.data(), longest_, a_.head_dim, span.rope_base, nullptr);
    angles_.emplace_back(span.rope_base, std::move(table));
  }
}

const float* Encoder::angles(std::size_t layer) const {
  for (const auto& [base, table] : angles_)
    if (base == a_.layers[layer].rope_base) return table.data();
  return nullptr;
}

// Rows in blocks: each on one thread where there are enough for all, else one block after the other
// with all threads on it.
template <class Body>
void Encoder::blocks(int rows, Body&& body) {
  const int threads = pool_.threads();
  constexpr int kLeastRows = 8;  // fewer a thread do not fill the tiles of a product
  const bool alone = rows >= threads * kLeastRows || threads == 1;
  int count = (rows + kRows - 1) / kRows;
  if (alone) count = (count + threads - 1) / threads * threads;
  const auto one = [&](int block, ThreadPool* pool) {
    const SlotPool<Slot>::Lease slot(slots_);
    const int begin = int(int64_t(rows) * block / count);
    const int end = int(int64_t(rows) * (block + 1) / count);
    body(begin, end, *slot, RowWork(ops_, pool));
  };
  if (alone) return pool_.run(count, [&](int block) { one(block, nullptr); });
  for (int block = 0; block < count; ++block) one(block, &pool_);
}

const float* Encoder::run(const PackedBatch& batch) {
  const int rows = batch.size();
  blocks(rows, [&](int begin, int end, Slot& slot, const RowWork& work) {
    embed(batch, begin, end, slot, work);
  });
  for (std::size_t layer = 0; layer < w_.layers.size(); ++layer) {
    attention(batch, layer);
    blocks(rows, [&](int begin, int end, Slot& slot, const RowWork& work) {
      rest(layer, begin, end, slot, work);
      if (layer + 1 < w_.layers.size()) qkv(batch, layer + 1, begin, end, slot, work);
    });
  }
  return states_;
}

// States of the words, and what the first layer makes of them.
void Encoder::embed(const PackedBatch& batch, int begin, int end, Slot& slot, const RowWork& work) {
  const std::size_t row_size = row_bytes(w_.words.type, a_.hidden);
  for (int row = begin; row < end; ++row) {
    const auto at = std::size_t(row);
    float* x = states(row);
    dequantize_row(w_.words.type, w_.words.data + std::size_t(batch.tokens[at]) * row_size, x,
                   a_.hidden);
    const auto add = [&](const float* table, int64_t index) {
      if (table == nullptr) return;
      const float* y = table + index * a_.hidden;
      for (int i = 0; i < a_.hidden; ++i) x[i] += y[i];
    };
    add(w_.types, std::min<int64_t>(batch.types[at], a_.token_types - 1));
    add(w_.positions, batch.positions[at] + a_.position_offset);
  }
  const Norm& first = w_.layers[0].attention_norm;
  NormRows norm{.kind = a_.norm,
                .x = states(begin),
                .x_stride = a_.hidden,
                .eps = a_.norm_epsilon,
                .rows = end - begin,
                .dim = a_.hidden,
                .type = type_,
                .prepared_stride = sizes_.hidden_rows};
  if (w_.embedding_norm.gamma != nullptr) {
    norm.gamma = w_.embedding_norm.gamma;
    norm.beta = w_.embedding_norm.beta;
    norm.y = states(begin);
    norm.y_stride = a_.hidden;
    ops_.norm_rows(norm);
    norm.y = nullptr;
  }
  norm.prepared = slot.prepared;
  if (a_.pre_norm && first.gamma != nullptr) {
    norm.gamma = first.gamma;
    norm.beta = first.beta;
    ops_.norm_rows(norm);
  } else {
    ops_.prepare_rows({states(begin), a_.hidden, end - begin, a_.hidden, type_, slot.prepared,
                       sizes_.hidden_rows});
  }
  qkv(batch, 0, begin, end, slot, work);
}

void Encoder::product(const Linear& linear, const std::byte* x, std::size_t x_stride, int rows,
                      Activation activation, float* y, int64_t y_stride, std::byte* y_bf16,
                      const RowWork& work) const {
  Dense dense;
  dense.w = linear.w;
  dense.x = x;
  dense.x_stride = x_stride;
  dense.bias = linear.bias;
  dense.activation = activation;
  dense.y = y_bf16 == nullptr ? y : nullptr;
  dense.y_stride = y_stride;
  dense.y_bf16 = y_bf16;
  dense.y_bf16_stride = sizes_.inner_rows;
  dense.row_end = rows;
  work.dense(dense);
}

// Queries, keys and values of a block whose prepared states are in the slot.
void Encoder::qkv(const PackedBatch& batch, std::size_t layer, int begin, int end, Slot& slot,
                  const RowWork& work) {
  const LayerWeights& w = w_.layers[layer];
  const int rows = end - begin, width = a_.qkv_width();
  float* out = qkv_row(begin);
  product(w.qkv, slot.prepared, sizes_.hidden_rows, rows, Activation::none, out, width, nullptr,
          work);
  if (w.q_norm != nullptr) {
    normalize_heads(out, a_.heads, rows, w.q_norm);
    normalize_heads(out + a_.q_width(), a_.kv_heads, rows, w.k_norm);
  }
  const float* table = angles(layer);
  if (table == nullptr) return;
  Rope rope{out,         width,       batch.positions.data() + begin,
            table,       rows,        a_.heads,
            a_.head_dim, a_.head_dim, RopeLayout::halves};
  ops_.rope(rope);
  rope.x = out + a_.q_width();
  rope.heads = a_.kv_heads;
  ops_.rope(rope);
}

void Encoder::normalize_heads(float* heads, int count, int rows, const float* gamma) {
  for (int row = 0; row < rows; ++row) {
    float* x = heads + int64_t(row) * a_.qkv_width();
    ops_.rms_norm({x, a_.head_dim, gamma, x, a_.head_dim, count, a_.head_dim, a_.norm_epsilon});
  }
}

// What comes behind the attention of a layer: its output's projection and the feed-forward. Leaves
// the states prepared for the next layer.
void Encoder::rest(std::size_t layer, int begin, int end, Slot& slot, const RowWork& work) {
  const LayerWeights& w = w_.layers[layer];
  const int rows = end - begin;
  ops_.prepare_rows({qkv_row(begin), a_.qkv_width(), rows, a_.q_width(), type_, slot.attention,
                     sizes_.query_rows});
  product(w.attention_out, slot.attention, sizes_.query_rows, rows, Activation::none, slot.out,
          a_.hidden, nullptr, work);
  join(a_.pre_norm ? w.feed_forward_norm : w.attention_norm, begin, end, slot, false);

  const bool direct = type_ == DenseType::bf16;  // the activations need not be kept in f32
  product(w.feed_in, slot.prepared, sizes_.hidden_rows, rows, a_.activation, slot.inner,
          a_.feed_forward, direct ? slot.inner_prepared : nullptr, work);
  if (!direct)
    ops_.prepare_rows({slot.inner, a_.feed_forward, rows, a_.feed_forward, type_,
                       slot.inner_prepared, sizes_.inner_rows});
  product(w.feed_out, slot.inner_prepared, sizes_.inner_rows, rows, Activation::none, slot.out,
          a_.hidden, nullptr, work);
  const bool last = layer + 1 == w_.layers.size();
  const Norm& next = last ? w_.final_norm : w_.layers[layer + 1].attention_norm;
  join(a_.pre_norm ? next : w.feed_forward_norm, begin, end, slot, last);
}

// Adds what a part has made to the states, normalises, and prepares what the next one reads. Behind
// the last part the states are what the model gives.
void Encoder::join(const Norm& norm, int begin, int end, Slot& slot, bool last) {
  NormRows rows{.kind = a_.norm,
                .x = states(begin),
                .x_stride = a_.hidden,
                .add = slot.out,
                .add_stride = a_.hidden,
                .gamma = norm.gamma,
                .beta = norm.beta,
                .eps = a_.norm_epsilon,
                .rows = end - begin,
                .dim = a_.hidden,
                .type = type_,
                .prepared_stride = sizes_.hidden_rows};
  if (a_.pre_norm && !last) {
    rows.sum = states(begin);
    rows.sum_stride = a_.hidden;
  } else {
    rows.y = states(begin);
    rows.y_stride = a_.hidden;
  }
  if (!last) rows.prepared = slot.prepared;
  ops_.norm_rows(rows);
}

void Encoder::attention(const PackedBatch& batch, std::size_t layer) {
  struct Unit {
    int text, head_begin, head_end;
  };
  // A unit is worth its dispatch from some 30 us on; the heads of a long text are cut into more.
  constexpr int64_t kUnitCost = 250'000;  // multiply-adds
  const int group = a_.heads / a_.kv_heads;
  const AttentionSpan& span = a_.layers[layer];
  std::vector<Unit> units;
  std::vector<int> chunks{0};
  int64_t cost = 0;
  for (int text = 0; text < batch.texts(); ++text) {
    const int length = batch.length(text);
    const int64_t seen = span.window > 0 ? std::min(length, 2 * span.window + 1) : length;
    const int64_t head_cost = 2 * int64_t(length) * seen * a_.head_dim * group;
    const int64_t parts = std::clamp<int64_t>(head_cost * a_.kv_heads / kUnitCost, 1, a_.kv_heads);
    for (int64_t part = 0; part < parts; ++part) {
      const int from = int(a_.kv_heads * part / parts), to = int(a_.kv_heads * (part + 1) / parts);
      units.push_back({text, from * group, to * group});
      cost += head_cost * (to - from);
      if (cost < kUnitCost) continue;
      chunks.push_back(int(units.size()));
      cost = 0;
    }
  }
  if (chunks.back() < int(units.size())) chunks.push_back(int(units.size()));
  const auto run_unit = [&](const Unit& unit, Slot& slot) {
    PackedAttention call;
    call.q = qkv_;
    call.k = qkv_ + a_.q_width();
    call.v = qkv_ + a_.q_width() + a_.kv_width();
    call.q_stride = call.k_stride = call.v_stride = call.out_stride = a_.qkv_width();
    call.out = qkv_;
    call.begin = batch.starts[std::size_t(unit.text)];
    call.length = batch.length(unit.text);
    call.heads = a_.heads;
    call.kv_heads = a_.kv_heads;
    call.head_dim = a_.head_dim;
    call.scale = 1 / std::sqrt(float(a_.head_dim));
    call.window = span.window;
    call.causal = a_.causal;
    call.bias = w_.relative_bias;
    call.bias_stride = 2 * longest_ - 1;
    call.bias_zero = longest_ - 1;
    call.type = type_;
    call.head_begin = unit.head_begin;
    call.head_end = unit.head_end;
    call.query_end = call.length;
    call.scratch = slot.scratch;
    ops_.packed_attention(call);
  };
  pool_.run(int(chunks.size()) - 1, [&](int chunk) {
    const SlotPool<Slot>::Lease slot(slots_);
    for (int i = chunks[std::size_t(chunk)]; i < chunks[std::size_t(chunk) + 1]; ++i)
      run_unit(units[std::size_t(i)], *slot);
  });
}

}  // namespace serval::bei
