// Post-processors: the special tokens around one text, or around two.
#pragma once

#include <cstdint>
#include <vector>

#include "common/formats/token.h"
#include "common/result.h"
#include "common/tokenizers/component.h"

namespace serval::tok {

struct FramePart {
  enum class Kind { first_text, second_text, token };
  Kind kind;
  TokenId id = -1;  // of a token
  uint8_t type_id = 0;
};

struct PostProcessor {
  using Frame = std::vector<FramePart>;
  Frame single{{FramePart::Kind::first_text}};
  Frame pair{{FramePart::Kind::first_text}, {FramePart::Kind::second_text, -1, 1}};
  // Offsets leave out the spaces that byte-level tokens begin or end with; but not one that stands
  // for the space put before a text.
  bool trim_offsets = false;
  bool keep_first_space = false;

  static std::size_t special_count(const Frame& frame) {
    std::size_t count = 0;
    for (const FramePart& part : frame) count += part.kind == FramePart::Kind::token;
    return count;
  }
};

// part: "post_processor" of the file, or none. Errors: unimplemented for a type or a template that
// is not known, data_loss for one that is malformed or has tokens beyond `vocab_size`.
Result<PostProcessor> read_post_processor(Component part, int32_t vocab_size);

}  // namespace serval::tok
