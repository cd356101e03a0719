// A model's hyperparameters, read from a GGUF file and checked.
//
// The fields are what families differ in; families/<family>.cc says which a family sets. What a
// family leaves alone is the plain pre-norm transformer with grouped-query attention and a gated
// feed-forward of Touvron et al. 2023 (LLaMA).
#pragma once

#include <string_view>
#include <vector>

#include "common/formats/gguf.h"
#include "kernels/ops.h"
#include "plugins/llm/rope.h"

namespace serval::llm {

enum class AttentionKind : uint8_t {
  grouped,  // query heads share key and value heads (Ainslie et al. 2023)
};

enum class Activation : uint8_t { silu, gelu };

// Routed experts instead of one feed-forward (Shazeer et al. 2017): softmax over the router's
// scores, the `used` greatest, ties to the lower index.
struct ExpertShape {
  int count = 0;          // 0: the model has none
  int used = 0;           // for each token
  int feed_forward = 0;   // width of one expert
  bool normalise = true;  // the chosen experts' weights add up to 1
};

// What layers of one model differ in.
struct LayerShape {
  int window = 0;  // keys a query sees, itself among them; 0: all before it
  int rope = 0;    // index into ModelShape::ropes
  bool experts = false;
};

struct ModelShape {
  std::string_view architecture;  // general.architecture; a family's constant
  int layers = 0;
  int hidden = 0;  // width of the residual stream
  int feed_forward = 0;
  int vocab = 0;
  int context = 0;  // longest sequence the model was trained for, tokens
  float rms_epsilon = 0;
  Activation activation = Activation::silu;
  bool post_norms = false;    // attention and feed-forward are normalised before they are added
  float embedding_scale = 1;  // on the looked-up embedding
  float logit_soft_cap = 0;   // logits are cap * tanh(logits / cap); 0: as they are
  ExpertShape experts;
  std::vector<LayerShape> layer;  // [layers]

  AttentionKind attention = AttentionKind::grouped;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  float attention_scale = 0;  // on q.k
  bool qkv_bias = false;
  bool qk_norm = false;  // each head of q and k is normalised before it is rotated
  RopeLayout rope_layout = RopeLayout::halves;
  int rotary_dim = 0;
  std::vector<RopeShape> ropes;  // the first is the file's

  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
};

// Errors: unimplemented for what this engine does not do (by name), invalid_argument for values
// that are missing or impossible.
Result<ModelShape> read_shape(const GgufFile& file);

}  // namespace serval::llm
