// Gemma 3, text (Gemma Team 2025). Its norms multiply by 1 + w; converters store that sum, so
// nothing is to be done here.
#include <cmath>

#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

constexpr int kPattern = 6;         // five layers with a window, then one without
constexpr int kLayersOf27B = 62;    // the one size with its own scale on q.k
constexpr double kLocalBase = 1e4;  // of the rotation in layers with a window; never scaled

void read_windows(ShapeReader& read, ModelShape& shape) {
  const int window = read.integer("attention.sliding_window", 1, 1 << 24);
  std::vector<bool> local(shape.layer.size());
  if (read.is_array("attention.sliding_window_pattern")) {
    local = read.booleans("attention.sliding_window_pattern");
    if (local.size() != shape.layer.size())
      return read.reject("attention.sliding_window_pattern has " + std::to_string(local.size()) +
                         " entries, want one a layer");
  } else {
    const int pattern = read.integer("attention.sliding_window_pattern", 1, 512, kPattern);
    if (!read.status()) return;
    for (std::size_t i = 0; i < local.size(); ++i) local[i] = int(i) % pattern != pattern - 1;
  }
  RopeShape local_rope;
  local_rope.base = read.real("rope.freq_base_swa", 1, 1e12, kLocalBase);
  shape.ropes.push_back(std::move(local_rope));
  for (std::size_t i = 0; i < local.size(); ++i)
    if (local[i]) shape.layer[i] = {.window = window, .rope = 1};
}

void describe(ShapeReader& read, ModelShape& shape) {
  shape.qk_norm = true;
  shape.post_norms = true;
  shape.activation = Activation::gelu;
  shape.embedding_scale = std::sqrt(float(shape.hidden));
  if (shape.layers == kLayersOf27B)
    shape.attention_scale = 1.0f / std::sqrt(float(shape.hidden) / float(shape.heads));
  shape.logit_soft_cap = float(read.real("final_logit_softcapping", 0, 1e6, 0));
  read_windows(read, shape);
}

}  // namespace

const Family kGemma3 = {"gemma3", describe};

}  // namespace serval::llm
