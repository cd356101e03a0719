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
  latent,   // keys and values of all heads come from one latent vector (DeepSeek-AI 2024)
};

// Multi-head latent attention. A head's key is key_dim elements out of the latent vector and
// rotary_dim rotated ones that all heads share: ModelShape::head_dim together.
struct LatentShape {
  int q_rank = 0;   // width of the queries' own latent vector; 0: they come from x itself
  int kv_rank = 0;  // width of the cached latent vector
  int key_dim = 0;
  int value_dim = 0;  // of one head
};

enum class Activation : uint8_t { silu, gelu };

// How the router's scores become probabilities; the values are the numbers files hold.
enum class Gating : uint8_t { softmax = 1, sigmoid = 2 };

// Routed experts instead of one feed-forward (Shazeer et al. 2017): the `used` most probable, ties
// to the lower index (routing.h).
struct ExpertShape {
  int count = 0;         // 0: the model has none
  int used = 0;          // for each token
  int feed_forward = 0;  // width of one expert
  Gating gating = Gating::softmax;
  int groups = 1;         // neighbours are in one of so many groups of equal size
  int groups_used = 1;    // a token's experts are in so many groups
  bool normalise = true;  // the chosen experts' weights add up to 1
  float scale = 1;        // on those weights, after that
  int shared = 0;         // width of the feed-forward every token goes through besides; 0: none
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
  std::vector<LayerShape> layer;  // [layers]; empty: all plain

  AttentionKind attention = AttentionKind::grouped;
  LatentShape latent;  // of AttentionKind::latent
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  float attention_scale = 0;  // on q.k
  bool qkv_bias = false;
  bool qk_norm = false;  // each head of q and k is normalised before it is rotated
  RopeLayout rope_layout = RopeLayout::halves;
  int rotary_dim = 0;
  std::vector<RopeShape> ropes;  // the first is the file's

  int window_of(int i) const { return layer.empty() ? 0 : layer[std::size_t(i)].window; }
  // The widest window of a layer that has one; 0: none has.
  int window() const {
    int widest = 0;
    for (const LayerShape& l : layer) widest = l.window > widest ? l.window : widest;
    return widest;
  }
  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
};

// Errors: unimplemented for what this engine does not do (by name), invalid_argument for values
// that are missing or impossible.
Result<ModelShape> read_shape(const GgufFile& file);

}  // namespace serval::llm
