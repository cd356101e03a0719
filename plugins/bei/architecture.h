// What an encoder is: the numbers and choices that families differ in, and the names their tensors
// have. families/<family>.cc fills it; encoder.h computes it; nothing else knows a family.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace serval::bei {

// One layer's attention. window: a token sees those at most so far away on either side; 0: all.
struct AttentionSpan {
  int window = 0;
  double rope_base = 0;  // 0: no rotation
};

// Sizes and choices. What a family leaves alone is BERT (Devlin et al. 2018).
struct Architecture {
  std::string family;  // "bert"; for describe and messages
  int vocab = 0;
  int hidden = 0;  // width of a token's state
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int feed_forward = 0;   // width inside the feed-forward
  int max_positions = 0;  // longest input the weights are made for, tokens
  float norm_epsilon = 0;
  NormKind norm = NormKind::layer;
  bool pre_norm = false;    // parts read normalised states; else their sum with the states is
  int position_offset = 0;  // row of the position table for a text's first token
  int token_types = 0;      // rows of the token type table; 0: none
  Activation activation = Activation::gelu_erf;
  bool gated = false;        // feed-forward is f(gate) * up
  bool causal = false;       // a token sees itself and those before it
  bool qk_norm = false;      // each head of q and k is normalised before it is rotated
  int relative_buckets = 0;  // rows of the table of relative attention biases; 0: none
  std::vector<AttentionSpan> layers;

  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
  int qkv_width() const { return q_width() + 2 * kv_width(); }
};

// Tensors whose rows stand below one another in one product. bias: the same for its vectors; none
// if the product has no bias.
struct DenseNames {
  std::vector<std::string> weight, bias;
};
struct NormNames {
  std::string weight, bias;  // no weight: no such norm; no bias: none is added
};

struct LayerNames {
  NormNames attention_norm;     // before or behind the attention, as pre_norm says
  NormNames feed_forward_norm;  // the same of the feed-forward
  DenseNames qkv;               // queries, keys, values
  DenseNames attention_out;
  DenseNames feed_in;  // gated: gate, then up
  DenseNames feed_out;
  std::string q_norm, k_norm;
};

struct EncoderNames {
  std::string words, positions, token_types;  // empty: there is no such table
  std::string relative_bias;                  // [relative_buckets, heads]
  NormNames embedding_norm;
  NormNames final_norm;
  std::vector<LayerNames> layers;
};

// What a model makes of the states. Each kind answers its own operations.
enum class Task : uint8_t {
  embed,     // one vector a text
  sequence,  // classes of a text
  rerank,    // one logit for a pair of query and text
  reward,    // one logit for a text
  token,     // classes of each token
};

enum class Pooling : uint8_t { mean, cls, last, max };

// The layers between the states and the logits; without a classifier the states are the output.
struct HeadNames {
  DenseNames dense;  // before the classifier; may be missing
  Activation activation = Activation::none;
  NormNames norm;  // behind the activation; may be missing
  DenseNames classifier;
};

// One model as its config.json says it is.
struct ModelDescription {
  Architecture architecture;
  EncoderNames encoder;
  Task task = Task::embed;
  Pooling pooling = Pooling::mean;  // which states the head of a sequence reads, or of an embedding
  HeadNames head;
  HeadNames masked_words;  // the head for masked words, of sparse embeddings; may be missing
  bool multi_label = false;
  std::vector<std::string> labels;  // [classes]
  std::vector<std::string> unused;  // beginnings of the names of tensors that nothing here reads
};

}  // namespace serval::bei
