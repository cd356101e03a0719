#include "common/tokenizers/space_steps.h"

#include "common/formats/pre_tokenizer.h"
#include "common/tokenizers/normalizers.h"

namespace serval::tok {
namespace {

// Rewrites each piece that is no token by `change` and puts them together again. The text may stay
// as it is where `stays` holds for all of them.
template <class Stays, class Change>
void rewrite(Pieces& pieces, const Stays& stays, const Change& change) {
  bool same = true;
  for (const Piece& piece : pieces.list)
    same = same && (piece.token >= 0 || stays(pieces.view(piece), piece));
  if (same) return;
  pieces.text.spell_out_spans();
  AlignedText out;
  out.text.reserve(pieces.text.text.size() + pieces.text.text.size() / 4 + 16);
  out.spans.reserve(out.text.capacity());
  for (Piece& piece : pieces.list) {
    const auto first = pieces.text.spans.begin();
    AlignedText part{
        std::string(pieces.view(piece)), {first + piece.begin, first + piece.end}, piece.origin};
    if (piece.token < 0) part = change(std::move(part), piece);
    piece.begin = uint32_t(out.text.size());
    out.text += part.text;
    out.spans.insert(out.spans.end(), part.spans.begin(), part.spans.end());
    piece.end = uint32_t(out.text.size());
  }
  pieces.text = std::move(out);
}

}  // namespace

void ByteLevelStep::apply(Pieces& pieces) const {
  if (add_space_)
    rewrite(
        pieces, [](std::string_view view, const Piece&) { return view.starts_with(' '); },
        [](AlignedText part, const Piece&) {
          if (!part.text.starts_with(' ')) prepend_to(part, " ");
          return part;
        });
  if (!cut_) return;
  split_pieces(pieces, SplitBehavior::isolated,
               [](std::string_view view, std::vector<SplitPart>& parts) {
                 uint32_t at = 0;
                 cut_words(PreTokenizer::gpt2, view, [&](std::string_view word) {
                   parts.push_back({at, at + uint32_t(word.size()), true});
                   at += uint32_t(word.size());
                 });
               });
}

AlignedText Metaspace::marked(AlignedText piece, bool first) const {
  if (piece.text.find(' ') != piece.text.npos) {
    AlignedText out;
    out.origin = piece.origin;
    for (std::size_t at = 0; at < piece.text.size(); ++at) {
      const std::size_t before = out.text.size();
      if (piece.text[at] == ' ')
        out.text += mark_;
      else
        out.text += piece.text[at];
      out.spans.insert(out.spans.end(), out.text.size() - before, piece.spans[at]);
    }
    piece = std::move(out);
  }
  const bool wanted = prefix_ == Prefix::always || (prefix_ == Prefix::first && first);
  if (wanted && !piece.text.starts_with(mark_)) prepend_to(piece, mark_);
  return piece;
}

void Metaspace::apply(Pieces& pieces) const {
  rewrite(
      pieces,
      [this](std::string_view view, const Piece& piece) {
        const bool wanted =
            prefix_ == Prefix::always || (prefix_ == Prefix::first && piece.origin == 0);
        return view.find(' ') == view.npos && (!wanted || view.starts_with(mark_));
      },
      [this](AlignedText part, const Piece& piece) {
        return marked(std::move(part), piece.origin == 0);
      });
  if (!cut_) return;
  split_pieces(pieces, SplitBehavior::merged_with_next,
               [this](std::string_view view, std::vector<SplitPart>& parts) {
                 std::size_t last = 0;
                 for (std::size_t at = 0; (at = view.find(mark_, at)) != view.npos;) {
                   if (last < at) parts.push_back({uint32_t(last), uint32_t(at), false});
                   parts.push_back({uint32_t(at), uint32_t(at + mark_.size()), true});
                   last = at += mark_.size();
                 }
                 if (last < view.size())
                   parts.push_back({uint32_t(last), uint32_t(view.size()), false});
               });
}

}  // namespace serval::tok
