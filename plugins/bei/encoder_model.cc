#include "plugins/bei/encoder_model.h"

#include <algorithm>
#include <cmath>

namespace serval::bei {
namespace {

struct alignas(kPackAlign) Aligned {
  std::byte bytes[kPackAlign];
};

}  // namespace

Result<std::unique_ptr<EncoderModel>> EncoderModel::create(ModelDescription description,
                                                           Weights weights, DenseType type,
                                                           const Ops& ops, ThreadPool& pool,
                                                           int max_tokens, int longest) {
  std::unique_ptr<EncoderModel> model(
      new EncoderModel(std::move(description), std::move(weights), ops, pool));
  Result<Encoder> encoder = Encoder::create(model->description_.architecture, model->weights_, type,
                                            ops, pool, max_tokens, longest);
  if (!encoder) return encoder.error();
  model->encoder_ = std::make_unique<Encoder>(std::move(*encoder));
  return model;
}

EncoderModel::EncoderModel(ModelDescription description, Weights weights, const Ops& ops,
                           ThreadPool& pool)
    : description_(std::move(description)), weights_(std::move(weights)), ops_(ops), pool_(pool) {}

int EncoderModel::width() const {
  return weights_.dense_modules.empty() ? description_.architecture.hidden
                                        : int(weights_.dense_modules.back().w.n);
}

void EncoderModel::run(std::span<const BatchItem> items) {
  const PackedBatch batch(items);
  const float* states = encoder_->run(batch);
  const auto at = [&](int item) {
    return states + int64_t(batch.starts[std::size_t(item)]) * description_.architecture.hidden;
  };
  pool_.run(int(items.size()), [&](int item) {
    if (items[std::size_t(item)].want != Want::sparse) finish(items[std::size_t(item)], at(item));
  });
  for (int item = 0; item < int(items.size()); ++item)
    if (items[std::size_t(item)].want == Want::sparse) sparse(items[std::size_t(item)], at(item));
}

void EncoderModel::finish(const BatchItem& item, const float* states) const {
  const int tokens = int(item.tokens.size());
  const RowWork work(ops_, nullptr);
  switch (item.want) {
    case Want::pooled:
      *item.out = pool_states(states, tokens);
      for (std::size_t i = 0; i < weights_.dense_modules.size(); ++i)
        *item.out = linear(weights_.dense_modules[i], item.out->data(), 1,
                           weights_.dense_activations[i], work);
      break;
    case Want::classes:
      *item.out = head(weights_.head, pool_states(states, tokens).data(), 1, work);
      break;
    case Want::states:
      item.out->assign(states, states + int64_t(tokens) * description_.architecture.hidden);
      break;
    case Want::token_classes:
      *item.out = head(weights_.head, states, tokens, work);
      break;
    case Want::sparse:
      break;  // sparse() does it
  }
}

// log(1 + max(logit, 0)) of each word's greatest logit over the text (Formal et al. 2021).
void EncoderModel::sparse(const BatchItem& item, const float* states) const {
  constexpr int kRows = 16;  // of logits at a time
  const int hidden = description_.architecture.hidden, tokens = int(item.tokens.size());
  const std::size_t vocab = std::size_t(description_.architecture.vocab);
  std::vector<float> greatest(vocab, 0);
  for (int begin = 0; begin < tokens; begin += kRows) {
    const int rows = std::min(kRows, tokens - begin);
    const std::vector<float> logits =
        head(weights_.masked_words, states + int64_t(begin) * hidden, rows, RowWork(ops_, &pool_));
    for (int row = 0; row < rows; ++row)
      for (std::size_t word = 0; word < vocab; ++word)
        greatest[word] = std::max(greatest[word], logits[std::size_t(row) * vocab + word]);
  }
  item.out->clear();
  for (std::size_t word = 0; word < vocab; ++word) {
    if (greatest[word] <= 0) continue;
    item.out->push_back(float(word));
    item.out->push_back(std::log1p(greatest[word]));
  }
}

// Sums run from the text's first token to its last.
std::vector<float> EncoderModel::pool_states(const float* states, int tokens) const {
  const int hidden = description_.architecture.hidden;
  const auto row = [&](int token) { return states + int64_t(token) * hidden; };
  const Pooling pooling = description_.pooling;
  const int only = pooling == Pooling::last ? tokens - 1 : 0;
  std::vector<float> out(row(only), row(only) + hidden);
  if (pooling == Pooling::cls || pooling == Pooling::last) return out;
  for (int token = 1; token < tokens; ++token) {
    const float* x = row(token);
    if (pooling == Pooling::mean)
      for (int i = 0; i < hidden; ++i) out[std::size_t(i)] += x[i];
    else
      for (int i = 0; i < hidden; ++i) out[std::size_t(i)] = std::max(out[std::size_t(i)], x[i]);
  }
  if (pooling == Pooling::mean)
    for (float& value : out) value /= float(tokens);
  return out;
}

std::vector<float> EncoderModel::head(const HeadWeights& head, const float* x, int rows,
                                      const RowWork& work) const {
  if (!head.dense) return linear(head.classifier, x, rows, Activation::none, work);
  std::vector<float> inner = linear(head.dense, x, rows, head.activation, work);
  const Architecture& a = description_.architecture;
  if (head.norm.gamma != nullptr)
    ops_.norm_rows({.kind = NormKind::layer,
                    .x = inner.data(),
                    .x_stride = a.hidden,
                    .gamma = head.norm.gamma,
                    .beta = head.norm.beta,
                    .eps = a.norm_epsilon,
                    .rows = rows,
                    .dim = a.hidden,
                    .y = inner.data(),
                    .y_stride = a.hidden});
  return linear(head.classifier, inner.data(), rows, Activation::none, work);
}

std::vector<float> EncoderModel::linear(const Linear& linear, const float* x, int rows,
                                        Activation activation, const RowWork& work) const {
  std::vector<float> y(std::size_t(rows) * std::size_t(linear.w.n));
  Dense dense;
  dense.w = linear.w;
  dense.x = x;
  dense.x_stride = std::size_t(linear.w.k) * sizeof(float);
  std::vector<Aligned> prepared;
  if (linear.w.type != DenseType::f32) {
    dense.x_stride = dense_row_bytes(linear.w.type, linear.w.k);
    prepared.resize((std::size_t(rows) * dense.x_stride + kPackAlign - 1) / kPackAlign);
    ops_.prepare_rows(
        {x, linear.w.k, rows, linear.w.k, linear.w.type, prepared.data(), dense.x_stride});
    dense.x = prepared.data();
  }
  dense.bias = linear.bias;
  dense.activation = activation;
  dense.y = y.data();
  dense.y_stride = linear.w.n;
  dense.row_end = rows;
  work.dense(dense);
  return y;
}

}  // namespace serval::bei
