// A text cut into pieces, on its way through the pre-tokenizers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/formats/token.h"
#include "common/tokenizers/aligned_text.h"

namespace serval::tok {

struct Piece {
  uint32_t begin, end;  // in Pieces::text
  // Where the reference says that the piece starts in the original: the first byte of what the last
  // cut left, which is not always that of the first byte here.
  uint32_t origin;
  TokenId token = -1;  // an added token that was found in the text
};

struct Pieces {
  AlignedText text;
  std::vector<Piece> list;  // none is empty; they need not cover the text

  std::string_view view(const Piece& piece) const {
    return std::string_view(text.text).substr(piece.begin, piece.end - piece.begin);
  }
};

// What becomes of a match when a piece is cut at it.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// Part of a piece, its bounds counted from the piece's start; all parts cover it.
struct SplitPart {
  uint32_t begin, end;
  bool match;
};

// Merges or drops parts as the behaviour says.
void apply_behavior(std::vector<SplitPart>& parts, SplitBehavior behavior);

// Cuts every piece that is no token: `find` puts the parts of a view into a vector.
template <class Find>
void split_pieces(Pieces& pieces, SplitBehavior behavior, const Find& find) {
  std::vector<Piece> out;
  out.reserve(pieces.list.size() + pieces.text.text.size() / 4);
  std::vector<SplitPart> parts;
  for (const Piece& piece : pieces.list) {
    if (piece.token >= 0) {
      out.push_back(piece);
      continue;
    }
    parts.clear();
    find(pieces.view(piece), parts);
    apply_behavior(parts, behavior);
    for (const SplitPart& part : parts) {
      if (part.begin == part.end) continue;
      const uint32_t begin = piece.begin + part.begin;
      out.push_back({begin, piece.begin + part.end, pieces.text.span(begin).begin});
    }
  }
  pieces.list = std::move(out);
}

// Parts of a view by its characters: a match is one of those for which `is` holds.
template <class Is>
void parts_of_characters(std::string_view view, std::vector<SplitPart>& parts, const Is& is) {
  std::size_t last = 0;
  for (std::size_t at = 0; at < view.size();) {
    const std::size_t start = at;
    if (!is(next_char(view, at))) continue;
    if (last < start) parts.push_back({uint32_t(last), uint32_t(start), false});
    parts.push_back({uint32_t(start), uint32_t(at), true});
    last = at;
  }
  if (last < view.size()) parts.push_back({uint32_t(last), uint32_t(view.size()), false});
}

}  // namespace serval::tok
