#include "plugins/whisper/model/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "plugins/whisper/model/exact_logits.h"

namespace serval::whisper {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kPackAlign - 1) / kPackAlign * kPackAlign;
}
std::size_t floats(int64_t count) { return aligned(std::size_t(count) * sizeof(float)); }

}  // namespace

Decoder::Sizes Decoder::sizes(const SpeechShape& shape, DenseType type, int max_rows) {
  Sizes s{};
  s.hidden_row = dense_row_bytes(type, shape.hidden);
  s.inner_row = dense_row_bytes(type, shape.decoder_ff);
  const int64_t rows = max_rows;
  s.total = 3 * floats(rows * shape.hidden) + floats(rows * 3 * shape.hidden) +
            floats(rows * shape.decoder_ff) + floats(int64_t{kLogitRows} * shape.vocab) +
            floats(int64_t{kLogitRows} * dense_panels(shape.vocab)) +
            aligned(std::size_t(rows) * s.hidden_row) + aligned(std::size_t(rows) * s.inner_row);
  return s;
}

std::size_t Decoder::workspace_bytes(const SpeechShape& shape, DenseType type, int max_rows) {
  return sizes(shape, type, max_rows).total;
}

Result<Decoder> Decoder::create(const SpeechShape& shape, const SpeechConfig& config,
                                const SpeechWeights& weights, DenseType type, const Ops& ops,
                                ThreadPool& pool, KvBlocks& blocks, int max_rows) {
  Result<AlignedMemory> memory = AlignedMemory::allocate(sizes(shape, type, max_rows).total);
  if (!memory) return memory.error();
  return Decoder(shape, config, weights, type, ops, pool, blocks, max_rows, std::move(*memory));
}

Decoder::Decoder(const SpeechShape& shape, const SpeechConfig& config, const SpeechWeights& weights,
                 DenseType type, const Ops& ops, ThreadPool& pool, KvBlocks& blocks, int max_rows,
                 AlignedMemory memory)
    : shape_(shape),
      config_(config),
      w_(weights),
      type_(type),
      phases_(ops, pool),
      blocks_(blocks),
      max_rows_(max_rows),
      sizes_(sizes(shape, type, max_rows)),
      memory_(std::move(memory)) {
  std::byte* at = memory_.data();
  const auto take = [&](std::size_t bytes) { return std::exchange(at, at + aligned(bytes)); };
  const auto take_floats = [&](int64_t count) {
    return reinterpret_cast<float*>(take(floats(count)));
  };
  const int64_t rows = max_rows;
  x_ = take_floats(rows * shape.hidden);
  qkv_ = take_floats(rows * 3 * shape.hidden);
  grouped_ = take_floats(rows * shape.hidden);
  attended_ = take_floats(rows * shape.hidden);
  inner_ = take_floats(rows * shape.decoder_ff);
  logits_ = take_floats(int64_t{kLogitRows} * shape.vocab);
  peaks_ = take_floats(int64_t{kLogitRows} * dense_panels(shape.vocab));
  prepared_ = take(std::size_t(rows) * sizes_.hidden_row);
  inner_rows_ = take(std::size_t(rows) * sizes_.inner_row);
}

Status Decoder::run(std::span<const DecodeItem> items) {
  if (items.empty()) return {};
  if (const Status s = begin(items); !s) return s;
  group();
  embed();
  for (std::size_t layer = 0; layer < w_.decoder.size(); ++layer) {
    const DecoderLayer& w = w_.decoder[layer];
    norm(w.self_norm);
    self_attention(layer);
    add_product(w.self_out, attended_);
    norm(w.cross_norm);
    cross_attention(layer);
    add_product(w.cross_out, attended_);
    norm(w.feed_norm);
    feed_forward(w);
  }
  logits();
  return {};
}

// Checks everything before anything is changed, and takes the blocks.
Status Decoder::begin(std::span<const DecodeItem> items) {
  items_ = items;
  rows_.clear();
  item_rows_.clear();
  for (int i = 0; i < int(items.size()); ++i) {
    const DecodeItem& item = items[std::size_t(i)];
    const int count = int(std::min<std::size_t>(item.tokens.size(), 1 << 20));
    if (count == 0 || item.self == nullptr || item.cross == nullptr || item.cross->states() == 0)
      return invalid("an item to decode without tokens or memory");
    const int length = item.self->length();
    if (length + count > shape_.text_positions)
      return error(Code::out_of_range, std::to_string(length + count) + " tokens, the model has " +
                                           std::to_string(shape_.text_positions) + " positions");
    item_rows_.push_back(rows());
    for (int t = 0; t < count; ++t) {
      const int32_t token = item.tokens[std::size_t(t)];
      if (token < 0 || token >= shape_.vocab)
        return invalid("token " + std::to_string(token) + ", want one below " +
                       std::to_string(shape_.vocab));
      rows_.push_back({i, token, length + t});
    }
    if (rows() > max_rows_)
      return invalid("more than " + std::to_string(max_rows_) + " tokens in one call");
  }
  for (const DecodeItem& item : items) {
    KvTable& table = item.self->table_;
    const int length = table.length();
    if (table.extend(blocks_, length + int(item.tokens.size()), shape_.text_positions)) continue;
    for (const DecodeItem* undo = items.data(); undo != &item; ++undo)
      undo->self->table_.shrink(undo->self->length() - int(undo->tokens.size()));
    return error(Code::resource_exhausted, "no memory left for another hypothesis");
  }
  return {};
}

void Decoder::group() {
  groups_.clear();
  order_.clear();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const CrossMemory* cross = items_[i].cross;
    if (std::any_of(groups_.begin(), groups_.end(),
                    [&](const Group& g) { return g.cross == cross; }))
      continue;
    Group group{cross, int(order_.size()), 0};
    for (int row = item_rows_[i]; row < rows(); ++row)
      if (items_[std::size_t(rows_[std::size_t(row)].item)].cross == cross) order_.push_back(row);
    group.count = int(order_.size()) - group.first;
    groups_.push_back(group);
  }
}

void Decoder::embed() {
  const int hidden = shape_.hidden;
  const std::size_t row_size = row_bytes(w_.words.type, hidden);
  phases_.ranges(rows(), hidden, [&](int begin, int end) {
    for (int row = begin; row < end; ++row) {
      const Row& r = rows_[std::size_t(row)];
      dequantize_row(w_.words.type, w_.words.data + std::size_t(r.token) * row_size, x(row),
                     hidden);
      phases_.ops().add({x(row), w_.text_positions + int64_t(r.position) * hidden, x(row), hidden});
    }
  });
}

// Rows of the residual stream, normalised and prepared.
void Decoder::norm(const Norm& norm) {
  phases_.ranges(rows(), 8 * shape_.hidden, [&](int begin, int end) {
    phases_.ops().norm_rows({.x = x(begin),
                             .x_stride = shape_.hidden,
                             .gamma = norm.gamma,
                             .beta = norm.beta,
                             .eps = kNormEpsilon,
                             .rows = end - begin,
                             .dim = shape_.hidden,
                             .type = type_,
                             .prepared = prepared_ + std::size_t(begin) * sizes_.hidden_row,
                             .prepared_stride = sizes_.hidden_row});
  });
}

Dense Decoder::dense(const Linear& linear, const std::byte* x, std::size_t x_stride) const {
  Dense dense;
  dense.w = linear.w;
  dense.x = x;
  dense.x_stride = x_stride;
  dense.bias = linear.bias;
  dense.row_end = rows();
  return dense;
}

// x += from W^T + bias. from: [R, hidden].
void Decoder::add_product(const Linear& linear, const float* from) {
  const int hidden = shape_.hidden;
  phases_.ranges(rows(), 4 * hidden, [&](int begin, int end) {
    phases_.ops().prepare_rows({from + int64_t(begin) * hidden, hidden, end - begin, hidden, type_,
                                prepared_ + std::size_t(begin) * sizes_.hidden_row,
                                sizes_.hidden_row});
  });
  Dense product = dense(linear, prepared_, sizes_.hidden_row);
  product.y = x_;
  product.y_stride = hidden;
  product.add = x_;
  product.add_stride = hidden;
  phases_.product(product);
}

void Decoder::self_attention(std::size_t layer) {
  const int hidden = shape_.hidden, width = 3 * hidden, heads = shape_.heads;
  Dense product = dense(w_.decoder[layer].qkv, prepared_, sizes_.hidden_row);
  product.y = qkv_;
  product.y_stride = width;
  phases_.product(product);
  // Of one item on one thread: neighbours in a block may share bytes.
  phases_.ranges(int(items_.size()), 32 * hidden, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const int first = item_rows_[std::size_t(i)];
      for (int row = first; row < first + int(items_[std::size_t(i)].tokens.size()); ++row) {
        const int position = rows_[std::size_t(row)].position;
        const float* k = qkv_ + int64_t(row) * width + hidden;
        phases_.ops().kv_write(
            {k, k + hidden, items_[std::size_t(i)].self->table_.at(position, int(layer)),
             position % kKvBlockTokens, blocks_.type(), heads, shape_.head_dim()});
      }
    }
  });
  const auto attend = [&](int i, int head) {
    const DecodeItem& item = items_[std::size_t(i)];
    const int first = item_rows_[std::size_t(i)], count = int(item.tokens.size());
    Attention a{};
    a.q = qkv_ + int64_t(first) * width;
    a.q_stride = width;
    a.out = attended_ + int64_t(first) * hidden;
    a.out_stride = hidden;
    a.blocks = item.self->table_.blocks(int(layer));
    a.type = blocks_.type();
    a.q0 = item.self->length() - count;
    a.n = count;
    a.heads = a.kv_heads = heads;
    a.head_dim = shape_.head_dim();
    a.kv_head_begin = head;
    a.kv_head_end = head + 1;
    a.scale = 1 / std::sqrt(float(a.head_dim));
    phases_.ops().attention(a);
  };
  const int units = int(items_.size()) * heads;
  int64_t cost = 0;
  for (const DecodeItem& item : items_)
    cost += (int64_t(item.tokens.size()) + 2) * (item.self->length() + 16) * 2 * hidden;
  phases_.ranges(units, cost / units, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) attend(i / heads, i % heads);
  });
}

// Rows that share their keys are attended to together: those of a head stand side by side, as heads
// that share one kv head do.
void Decoder::cross_attention(std::size_t layer) {
  const int hidden = shape_.hidden, heads = shape_.heads, dim = shape_.head_dim();
  Dense product = dense(w_.decoder[layer].cross_q, prepared_, sizes_.hidden_row);
  product.y = qkv_;
  product.y_stride = hidden;
  phases_.product(product);
  const auto attend = [&](const Group& group, int head) {
    float* q = grouped_ + int64_t(group.first) * hidden;
    float* mine = q + int64_t(head) * group.count * dim;
    const auto row_at = [&](float* rows, int i) {
      return rows + int64_t(order_[std::size_t(group.first + i)]) * hidden + head * dim;
    };
    for (int i = 0; i < group.count; ++i)
      std::copy_n(row_at(qkv_, i), dim, mine + int64_t(i) * dim);
    Attention a{};
    a.q = a.out = q;
    a.q_stride = a.out_stride = int64_t(group.count) * hidden;
    a.blocks = group.cross->table_.blocks(int(layer));
    a.type = blocks_.type();
    a.q0 = group.cross->states() - 1;
    a.n = 1;
    a.heads = heads * group.count;
    a.kv_heads = heads;
    a.head_dim = dim;
    a.kv_head_begin = head;
    a.kv_head_end = head + 1;
    a.scale = 1 / std::sqrt(float(dim));
    phases_.ops().attention(a);
    for (int i = 0; i < group.count; ++i)
      std::copy_n(mine + int64_t(i) * dim, dim, row_at(attended_, i));
  };
  for (const Group& group : groups_) alignment(layer, group);
  const int units = int(groups_.size()) * heads;
  int64_t cost = 0;
  for (const Group& group : groups_)
    cost += int64_t(group.cross->states()) * std::max(group.count, 4) * 2 * hidden;
  phases_.ranges(units, cost / units, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) attend(groups_[std::size_t(i / heads)], i % heads);
  });
}

// The weights of the heads that follow the audio, for the items that want them.
void Decoder::alignment(std::size_t layer, const Group& group) {
  const int states = group.cross->states(), dim = shape_.head_dim(), hidden = shape_.hidden;
  struct Unit {
    int item, head, at;
  };
  std::vector<Unit> units;
  for (int i = 0; i < int(items_.size()); ++i) {
    if (items_[std::size_t(i)].alignment == nullptr || items_[std::size_t(i)].cross != group.cross)
      continue;
    for (std::size_t at = 0; at < config_.alignment_heads.size(); ++at)
      if (config_.alignment_heads[at].layer == int(layer))
        units.push_back({i, config_.alignment_heads[at].head, int(at)});
  }
  if (units.empty()) return;
  phases_.ranges(int(units.size()), int64_t(states) * hidden, [&](int begin, int end) {
    for (int u = begin; u < end; ++u) {
      const Unit& unit = units[std::size_t(u)];
      const DecodeItem& item = items_[std::size_t(unit.item)];
      const int count = int(item.tokens.size());
      phases_.ops().attention_weights(
          {.q = qkv_ + int64_t(item_rows_[std::size_t(unit.item)]) * hidden + unit.head * dim,
           .q_stride = hidden,
           .out = item.alignment + int64_t(unit.at) * count * states,
           .out_stride = states,
           .blocks = group.cross->table_.blocks(int(layer)),
           .type = blocks_.type(),
           .n = count,
           .keys = states,
           .kv_heads = shape_.heads,
           .kv_head = unit.head,
           .head_dim = dim,
           .scale = 1 / std::sqrt(float(dim))});
    }
  });
}

void Decoder::feed_forward(const DecoderLayer& w) {
  const bool direct = type_ == DenseType::bf16;  // the activations need not be kept in f32
  const int width = shape_.decoder_ff, hidden = shape_.hidden;
  Dense in = dense(w.feed_in, prepared_, sizes_.hidden_row);
  in.activation = Activation::gelu_erf;
  in.y = direct ? nullptr : inner_;
  in.y_stride = width;
  in.y_bf16 = direct ? inner_rows_ : nullptr;
  in.y_bf16_stride = sizes_.inner_row;
  phases_.product(in);
  if (!direct)
    phases_.ranges(rows(), 4 * width, [&](int begin, int end) {
      phases_.ops().prepare_rows({inner_ + int64_t(begin) * width, width, end - begin, width, type_,
                                  inner_rows_ + std::size_t(begin) * sizes_.inner_row,
                                  sizes_.inner_row});
    });
  Dense out = dense(w.feed_out, inner_rows_, sizes_.inner_row);
  out.y = x_;
  out.y_stride = hidden;
  out.add = x_;
  out.add_stride = hidden;
  phases_.product(out);
}

void Decoder::logits() {
  struct Wanted {
    int row;
    float* to[2];
  };
  std::vector<Wanted> wanted;
  const auto vocab = std::size_t(shape_.vocab);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const DecodeItem& item = items_[i];
    const std::size_t count = item.tokens.size();
    for (std::size_t t = 0; t < count; ++t) {
      float* last = t + 1 == count ? item.logits : nullptr;
      float* all = item.all_logits != nullptr ? item.all_logits + t * vocab : nullptr;
      if (last != nullptr || all != nullptr)
        wanted.push_back({item_rows_[i] + int(t), {last, all}});
    }
  }
  for (std::size_t begin = 0; begin < wanted.size(); begin += kLogitRows) {
    const int count = int(std::min<std::size_t>(wanted.size() - begin, kLogitRows));
    for (int i = 0; i < count; ++i)
      phases_.ops().norm_rows({.x = x(wanted[begin + std::size_t(i)].row),
                               .gamma = w_.decoder_norm.gamma,
                               .beta = w_.decoder_norm.beta,
                               .eps = kNormEpsilon,
                               .rows = 1,
                               .dim = shape_.hidden,
                               .y = attended_ + i * shape_.hidden,
                               .type = type_,
                               .prepared = prepared_ + std::size_t(i) * sizes_.hidden_row,
                               .prepared_stride = sizes_.hidden_row});
    Dense product = dense({w_.head}, prepared_, sizes_.hidden_row);
    product.row_end = count;
    product.y = logits_;
    product.y_stride = shape_.vocab;
    const bool rescored = type_ == DenseType::int8;
    phases_.product(product, [&](int64_t first, int64_t last) {
      for (int i = 0; i < count; ++i) {
        const float* made = logits_ + i * shape_.vocab;
        if (rescored) note_peaks(phases_.ops(), made, first, last, peaks(i));
        for (float* to : wanted[begin + std::size_t(i)].to)
          if (to != nullptr) std::copy(made + first, made + last, to + first);
      }
    });
    if (!rescored) continue;
    constexpr int64_t kCost = 400'000;  // of some six words
    phases_.ranges(count, kCost, [&](int first, int last) {
      for (int i = first; i < last; ++i)
        rescore_logits(phases_.ops(), w_.head_rows, attended_ + i * shape_.hidden, shape_.hidden,
                       {logits_ + i * shape_.vocab, vocab}, peaks(i), [&](int64_t word, float y) {
                         for (float* to : wanted[begin + std::size_t(i)].to)
                           if (to != nullptr) to[word] = y;
                       });
    });
  }
}

std::span<float> Decoder::peaks(int logit_row) {
  const int64_t panels = dense_panels(shape_.vocab);
  return {peaks_ + logit_row * panels, std::size_t(panels)};
}

}  // namespace serval::whisper
