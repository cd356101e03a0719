#include "plugins/whisper/model/encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace serval::whisper {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}
std::size_t floats(int64_t count) { return aligned(std::size_t(count) * sizeof(float)); }

// Frames that the first convolution gives stand close together, as the second reads three of them
// as one row.
std::size_t frame_bytes(DenseType type, int hidden) {
  return std::size_t(hidden) * (type == DenseType::f32 ? 4 : 2);
}

}  // namespace

Encoder::Sizes Encoder::sizes(const SpeechShape& shape, const ProductTypes& types, int max_states) {
  const DenseType type = types.dense;
  Sizes s{};
  s.mel_row = dense_row_bytes(types.convs, 3 * shape.mels);
  s.frame_row = frame_bytes(types.convs, shape.hidden);
  s.hidden_row = dense_row_bytes(type, shape.hidden);
  s.inner_row = dense_row_bytes(type, shape.encoder_ff);
  s.states = floats(int64_t(max_states) * shape.hidden);
  s.qkv = floats(int64_t(max_states) * 3 * shape.hidden);
  s.slot = floats(int64_t(2 * kRows + 3) * shape.mels) + aligned((2 * kRows + 1) * s.mel_row) +
           aligned((2 * kRows + 1) * s.frame_row) + aligned(kRows * s.hidden_row) +
           floats(int64_t(kRows) * shape.hidden) +
           floats(int64_t(kRows) * std::max(shape.encoder_ff, 2 * shape.hidden)) +
           aligned(kRows * s.inner_row) +
           aligned(packed_attention_scratch(shape.audio_states, shape.head_dim()));
  return s;
}

std::size_t Encoder::workspace_bytes(const SpeechShape& shape, const ProductTypes& types,
                                     int threads, int max_states) {
  const Sizes s = sizes(shape, types, max_states);
  return s.states + s.qkv + std::size_t(threads) * s.slot;
}

Result<Encoder> Encoder::create(const SpeechShape& shape, const SpeechWeights& weights,
                                const ProductTypes& types, const Ops& ops, ThreadPool& pool,
                                int max_states) {
  Result<AlignedMemory> memory =
      AlignedMemory::allocate(workspace_bytes(shape, types, pool.threads(), max_states));
  if (!memory) return memory.error();
  return Encoder(shape, weights, types, ops, pool, max_states, std::move(*memory));
}

Encoder::Encoder(const SpeechShape& shape, const SpeechWeights& weights, const ProductTypes& types,
                 const Ops& ops, ThreadPool& pool, int max_states, AlignedMemory memory)
    : shape_(shape),
      w_(weights),
      type_(types.dense),
      conv_type_(types.convs),
      ops_(ops),
      pool_(pool),
      sizes_(sizes(shape, types, max_states)),
      memory_(std::move(memory)) {
  std::byte* at = memory_.data();
  const auto take = [&](std::size_t bytes) { return std::exchange(at, at + aligned(bytes)); };
  const auto take_floats = [&](int64_t count) {
    return reinterpret_cast<float*>(take(floats(count)));
  };
  states_ = take_floats(int64_t(max_states) * shape.hidden);
  qkv_ = take_floats(int64_t(max_states) * 3 * shape.hidden);
  for (int i = 0; i < pool_.threads(); ++i) {
    Slot slot;
    slot.mel = take_floats(int64_t(2 * kRows + 3) * shape.mels);
    slot.mel_rows = take((2 * kRows + 1) * sizes_.mel_row);
    slot.frames = take((2 * kRows + 1) * sizes_.frame_row);
    slot.prepared = take(kRows * sizes_.hidden_row);
    slot.out = take_floats(int64_t(kRows) * shape.hidden);
    slot.inner = take_floats(int64_t(kRows) * std::max(shape.encoder_ff, 2 * shape.hidden));
    slot.inner_rows = take(kRows * sizes_.inner_row);
    slot.scratch = take(packed_attention_scratch(shape.audio_states, shape.head_dim()));
    slots_.add(slot);
  }
}

// Blocks of the items: large ones where there are enough for all threads.
void Encoder::cut(std::span<const Item> items) {
  int total = 0;
  for (const Item& item : items) total += item.states;
  const int rows = total >= pool_.threads() * 4 * kRows ? kRows : kKvBlockTokens;
  blocks_.clear();
  item_rows_.clear();
  int row = 0;
  for (const Item& item : items) {
    item_rows_.push_back(row);
    for (int begin = 0; begin < item.states; begin += rows) {
      const int count = std::min(rows, item.states - begin);
      blocks_.push_back({&item, row, begin, count});
      row += count;
    }
  }
}

template <class Body>
void Encoder::each_block(Body&& body) {
  pool_.run(int(blocks_.size()), [&](int block) {
    const SlotPool<Slot>::Lease slot(slots_);
    body(blocks_[std::size_t(block)], *slot);
  });
}

void Encoder::run(std::span<const Item> items, KvType kv) {
  cut(items);
  each_block([&](const Block& block, Slot& slot) {
    convolutions(block, slot);
    norm(w_.encoder[0].attention_norm, block, nullptr, nullptr, slot);
    qkv(0, block, slot);
  });
  for (std::size_t layer = 0; layer < w_.encoder.size(); ++layer) {
    attention(items);
    each_block([&](const Block& block, Slot& slot) {
      rest(layer, block, slot);
      layer + 1 < w_.encoder.size() ? qkv(layer + 1, block, slot) : cross(block, kv, slot);
    });
  }
}

void Encoder::product(const Linear& linear, const std::byte* x, std::size_t x_stride, int rows,
                      float* y, int64_t y_stride) const {
  Dense dense;
  dense.w = linear.w;
  dense.x = x;
  dense.x_stride = x_stride;
  dense.bias = linear.bias;
  dense.y = y;
  dense.y_stride = y_stride;
  dense.row_end = rows;
  dense.panel_end = dense_panels(linear.w.n);
  ops_.dense(dense);
}

// State s reads frames 2s - 1 to 2s + 1 of the first convolution, of which frame f reads mel frames
// f - 1 to f + 1; what is outside of the item is 0.
void Encoder::convolutions(const Block& block, Slot& slot) {
  const int mels = shape_.mels, all = 2 * block.item->states;
  const int frames = 2 * block.count + 1, first = 2 * block.begin - 1;
  for (int i = 0; i < frames + 2; ++i) {
    const int frame = first - 1 + i;
    float* to = slot.mel + int64_t(i) * mels;
    if (frame < 0 || frame >= all)
      std::fill(to, to + mels, 0.0f);
    else
      std::copy_n(block.item->mel + int64_t(frame) * mels, mels, to);
  }
  ops_.prepare_rows(
      {slot.mel, mels, frames, 3 * int64_t(mels), conv_type_, slot.mel_rows, sizes_.mel_row});
  Dense conv;
  conv.w = w_.conv1.w;
  conv.bias = w_.conv1.bias;
  conv.activation = Activation::gelu_erf;
  conv.x = slot.mel_rows;
  conv.x_stride = sizes_.mel_row;
  conv.row_end = frames;
  conv.panel_end = dense_panels(conv.w.n);
  if (conv_type_ == DenseType::f32) {
    conv.y = reinterpret_cast<float*>(slot.frames);
    conv.y_stride = shape_.hidden;
  } else {
    conv.y_bf16 = slot.frames;
    conv.y_bf16_stride = sizes_.frame_row;
  }
  ops_.dense(conv);
  if (first < 0) std::memset(slot.frames, 0, sizes_.frame_row);

  conv.w = w_.conv2.w;
  conv.bias = w_.conv2.bias;
  conv.x = slot.frames;
  conv.x_stride = 2 * sizes_.frame_row;
  conv.row_end = block.count;
  conv.panel_end = dense_panels(conv.w.n);
  conv.y_bf16 = nullptr;
  conv.y = states(block.row);
  conv.y_stride = shape_.hidden;
  conv.add = w_.audio_positions + int64_t(block.begin) * shape_.hidden;
  conv.add_stride = shape_.hidden;
  ops_.dense(conv);
}

// Adds what a part has made to the states and prepares their norm for what comes next.
void Encoder::norm(const Norm& norm, const Block& block, const float* add, float* y, Slot& slot) {
  NormRows rows{.x = states(block.row),
                .x_stride = shape_.hidden,
                .add = add,
                .add_stride = shape_.hidden,
                .gamma = norm.gamma,
                .beta = norm.beta,
                .eps = kNormEpsilon,
                .rows = block.count,
                .dim = shape_.hidden,
                .y = y,
                .y_stride = shape_.hidden,
                .type = type_,
                .prepared = slot.prepared,
                .prepared_stride = sizes_.hidden_row};
  if (add != nullptr) {
    rows.sum = states(block.row);
    rows.sum_stride = shape_.hidden;
  }
  ops_.norm_rows(rows);
}

void Encoder::qkv(std::size_t layer, const Block& block, Slot& slot) {
  const int width = 3 * shape_.hidden;
  product(w_.encoder[layer].qkv, slot.prepared, sizes_.hidden_row, block.count,
          qkv_ + int64_t(block.row) * width, width);
}

// What comes behind the attention of a layer: its output's projection and the feed-forward. Leaves
// the states prepared for what comes next.
void Encoder::rest(std::size_t layer, const Block& block, Slot& slot) {
  const EncoderLayer& w = w_.encoder[layer];
  const int hidden = shape_.hidden;
  ops_.prepare_rows({qkv_ + int64_t(block.row) * 3 * hidden, 3 * int64_t(hidden), block.count,
                     hidden, type_, slot.prepared, sizes_.hidden_row});
  product(w.attention_out, slot.prepared, sizes_.hidden_row, block.count, slot.out, hidden);
  norm(w.feed_norm, block, slot.out, nullptr, slot);

  const bool direct = type_ == DenseType::bf16;  // the activations need not be kept in f32
  Dense in;
  in.w = w.feed_in.w;
  in.bias = w.feed_in.bias;
  in.activation = Activation::gelu_erf;
  in.x = slot.prepared;
  in.x_stride = sizes_.hidden_row;
  in.row_end = block.count;
  in.panel_end = dense_panels(in.w.n);
  in.y = direct ? nullptr : slot.inner;
  in.y_stride = shape_.encoder_ff;
  in.y_bf16 = direct ? slot.inner_rows : nullptr;
  in.y_bf16_stride = sizes_.inner_row;
  ops_.dense(in);
  if (!direct)
    ops_.prepare_rows({slot.inner, shape_.encoder_ff, block.count, shape_.encoder_ff, type_,
                       slot.inner_rows, sizes_.inner_row});
  product(w.feed_out, slot.inner_rows, sizes_.inner_row, block.count, slot.out, hidden);

  if (layer + 1 < w_.encoder.size())
    return norm(w_.encoder[layer + 1].attention_norm, block, slot.out, nullptr, slot);
  float* y = block.item->hidden;
  norm(w_.encoder_norm, block, slot.out, y == nullptr ? nullptr : y + int64_t(block.begin) * hidden,
       slot);
}

// Keys and values of the decoder's layers, from the prepared last states.
void Encoder::cross(const Block& block, KvType kv, Slot& slot) {
  const int hidden = shape_.hidden;
  for (std::size_t layer = 0; layer < w_.decoder.size(); ++layer) {
    product(w_.decoder[layer].cross_kv, slot.prepared, sizes_.hidden_row, block.count, slot.inner,
            2 * hidden);
    for (int i = 0; i < block.count; ++i) {
      const int state = block.begin + i;
      const float* k = slot.inner + int64_t(i) * 2 * hidden;
      ops_.kv_write({k, k + hidden, block.item->out->at(state, int(layer)), state % kKvBlockTokens,
                     kv, shape_.heads, shape_.head_dim()});
    }
  }
}

void Encoder::attention(std::span<const Item> items) {
  const int threads = pool_.threads(), heads = shape_.heads, hidden = shape_.hidden;
  struct Unit {
    int item, head, begin, end;
  };
  std::vector<Unit> units;
  // A head of an item is cut only where there are fewer of them than the threads need: every piece
  // packs the keys and values anew.
  const int wanted = (2 * threads + int(items.size()) * heads - 1) / (int(items.size()) * heads);
  for (int item = 0; item < int(items.size()); ++item) {
    const int length = items[std::size_t(item)].states;
    const int query_blocks = (length + kQueryBlock - 1) / kQueryBlock;
    const int parts = threads == 1 ? 1 : std::clamp(query_blocks / 4, 1, wanted);
    for (int head = 0; head < heads; ++head)
      for (int part = 0; part < parts; ++part)
        units.push_back({item, head, query_blocks * part / parts * kQueryBlock,
                         std::min(query_blocks * (part + 1) / parts * kQueryBlock, length)});
  }
  pool_.run(int(units.size()), [&](int i) {
    const Unit& unit = units[std::size_t(i)];
    const SlotPool<Slot>::Lease slot(slots_);
    PackedAttention call;
    call.q = qkv_;
    call.k = qkv_ + hidden;
    call.v = qkv_ + 2 * hidden;
    call.q_stride = call.k_stride = call.v_stride = call.out_stride = 3 * int64_t(hidden);
    call.out = qkv_;
    call.begin = item_rows_[std::size_t(unit.item)];
    call.length = items[std::size_t(unit.item)].states;
    call.heads = call.kv_heads = heads;
    call.head_dim = shape_.head_dim();
    call.scale = 1 / std::sqrt(float(shape_.head_dim()));
    call.type = attention_in_bf16(ops_, type_) ? DenseType::bf16 : DenseType::f32;
    call.head_begin = unit.head;
    call.head_end = unit.head + 1;
    call.query_begin = unit.begin;
    call.query_end = unit.end;
    call.scratch = (*slot).scratch;
    ops_.packed_attention(call);
  });
}

}  // namespace serval::whisper
