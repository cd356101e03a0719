#include "plugins/llm/attention_part.h"

#include "plugins/llm/grouped_attention.h"

namespace serval::llm {

std::unique_ptr<AttentionPart> make_attention(const ModelShape& shape, int max_tokens,
                                              int max_context) {
  switch (shape.attention) {
    case AttentionKind::grouped:
      return std::make_unique<GroupedAttention>(shape, max_tokens, max_context);
  }
  return nullptr;
}

std::size_t attention_bytes(const ModelShape& shape, int max_tokens, int max_context) {
  switch (shape.attention) {
    case AttentionKind::grouped:
      return GroupedAttention::bytes(shape, max_tokens, max_context);
  }
  return 0;
}

}  // namespace serval::llm
