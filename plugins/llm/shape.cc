#include "plugins/llm/shape.h"

#include <cmath>

#include "plugins/llm/families/families.h"
#include "plugins/llm/hf/hf_folder.h"

namespace serval::llm {
namespace {

void read_common(ShapeReader& read, ModelShape& shape) {
  shape.layers = read.integer("block_count", 1, 512);
  shape.hidden = read.integer("embedding_length", 16, 1 << 16);
  shape.heads = read.integer("attention.head_count", 1, 1024);
  shape.kv_heads = read.integer("attention.head_count_kv", 1, 1024, shape.heads);
  shape.feed_forward = read.integer("feed_forward_length", 1, 1 << 20);
  shape.context = read.integer("context_length", 1, 1 << 24);
  shape.rms_epsilon = float(read.real("attention.layer_norm_rms_epsilon", 0, 1, 1e-5));
  if (!read.status()) return;
  shape.layer.resize(std::size_t(shape.layers));
  shape.head_dim = read.integer("attention.key_length", 1, 1024, shape.hidden / shape.heads);
  shape.rotary_dim = read.integer("rope.dimension_count", 1, 1024, shape.head_dim);
  if (!read.status()) return;
  if (shape.rotary_dim > shape.head_dim || shape.rotary_dim % 2 != 0)
    return read.reject("rope.dimension_count is impossible");
  shape.ropes.push_back(read_rope(read, shape.rotary_dim, shape.context));
  shape.attention_scale = 1.0f / std::sqrt(float(shape.head_dim));
}

// What the kernels of grouped-query attention can do.
void check_grouped(ShapeReader& read, const ModelShape& shape) {
  const int value_dim = read.integer("attention.value_length", 1, 1024, shape.head_dim);
  if (shape.heads % shape.kv_heads != 0)
    return read.reject("head_count is not a multiple of head_count_kv");
  if (value_dim != shape.head_dim) return read.refuse("a value length other than the key length");
  if (shape.head_dim % 8 != 0 || shape.head_dim < 16 || shape.head_dim > 256)
    return read.refuse("a head dimension of " + std::to_string(shape.head_dim) +
                       " (want a multiple of 8 from 16 to 256)");
}

Status read_embedding(const GgufFile& file, ModelShape& shape) {
  const Result<const GgufTensor*> embedding = file.tensor("token_embd.weight");
  if (!embedding) return embedding.error();
  if ((*embedding)->rank != 2 || (*embedding)->dims[1] > (1u << 22))
    return invalid(file.path().string() + ": token_embd.weight has an impossible shape");
  shape.vocab = int((*embedding)->dims[1]);
  return {};
}

}  // namespace

Result<ModelShape> read_shape(const GgufFile& file) {
  const Result<std::string_view> architecture = file.text("general.architecture");
  if (!architecture) return architecture.error();
  const Result<const Family*> family = find_family(*architecture);
  if (!family)
    return error(family.error().code, file.path().string() + ": " + family.error().message);

  ModelShape shape;
  shape.architecture = (*family)->architecture;
  ShapeReader read(file, shape.architecture);
  read_common(read, shape);
  if (read.status().ok()) (*family)->describe(read, shape);
  if (read.status().ok() && shape.attention == AttentionKind::grouped) check_grouped(read, shape);
  if (read.status().ok()) read.refuse_unread();
  const Result<bool> halves = file.boolean_or(kRopeHalvesKey, false);
  if (!halves) return halves.error();
  if (*halves) shape.rope_layout = RopeLayout::halves;
  if (!read.status()) return read.status().error();
  const Status embedding = read_embedding(file, shape);
  if (!embedding) return embedding.error();
  return shape;
}

}  // namespace serval::llm
