#include "common/tokenizers/text_row.h"

#include <algorithm>

namespace serval::tok {
namespace {

// Puts normalised parts of a text behind each other.
class Joiner {
 public:
  explicit Joiner(std::size_t bytes) { bytes_ = bytes; }

  void add(AlignedText part, const AddedTokens* normalized) {
    const auto base = uint32_t(out_.text.text.size());
    const auto add_piece = [&](std::size_t begin, std::size_t end, const AddedToken* token) {
      out_.list.push_back({base + uint32_t(begin), base + uint32_t(end), part.span(begin).begin,
                           token != nullptr ? token->id : -1});
    };
    if (part.text.empty()) return;
    if (normalized != nullptr)
      normalized->split(part.text, true, add_piece);
    else
      add_piece(0, part.text.size(), nullptr);
    append(std::move(part));
  }

  void add_token(AlignedText part, TokenId token) {
    const auto base = uint32_t(out_.text.text.size());
    out_.list.push_back({base, base + uint32_t(part.text.size()), part.origin, token});
    append(std::move(part));
  }

  Pieces finish() { return std::move(out_); }

 private:
  void append(AlignedText part) {
    AlignedText& all = out_.text;
    if (all.text.empty()) {
      all = std::move(part);
      return;
    }
    const bool same =
        all.untouched() && part.untouched() && all.origin == 0 && part.origin == all.text.size();
    if (!same) {
      all.spell_out_spans();
      part.spell_out_spans();
      all.spans.insert(all.spans.end(), part.spans.begin(), part.spans.end());
    }
    all.text.reserve(bytes_);
    all.text += part.text;
  }

  std::size_t bytes_;
  Pieces out_;
};

Pieces cut_into_pieces(const TokenizerParts& parts, std::string_view text) {
  Joiner joiner(text.size());
  parts.added.split(text, false, [&](std::size_t begin, std::size_t end, const AddedToken* token) {
    AlignedText part{std::string(text.substr(begin, end - begin)), {}, uint32_t(begin)};
    if (token != nullptr) return joiner.add_token(std::move(part), token->id);
    if (parts.normalizer != nullptr) parts.normalizer->apply(part);
    joiner.add(std::move(part), &parts.added);
  });
  Pieces pieces = joiner.finish();
  parts.pre_tokenizer.apply(pieces);
  return pieces;
}

class RowBuilder {
 public:
  RowBuilder(const TokenizerParts& parts, const Pieces& pieces) : parts_(parts), pieces_(pieces) {}

  void add(const Piece& piece, std::vector<RowToken>& out, bool backwards) {
    found_.clear();
    const std::string_view view = pieces_.view(piece);
    if (piece.token >= 0)
      found_.push_back({piece.token, 0, uint32_t(view.size())});
    else
      parts_.model->encode(view, scratch_, found_);
    if (backwards) std::reverse(found_.begin(), found_.end());
    for (const ModelToken& token : found_) {
      const ByteSpan first = pieces_.text.span(piece.begin + token.begin);
      const ByteSpan last = pieces_.text.span(piece.begin + token.end - 1);
      RowToken row{token.id, {first.begin, last.end}, {}};
      if (parts_.post_processor.trim_offsets)
        row.spaces = piece.token >= 0 ? spaces_around(view) : parts_.spaces[std::size_t(token.id)];
      out.push_back(row);
    }
  }

 private:
  const TokenizerParts& parts_;
  const Pieces& pieces_;
  ModelScratch scratch_;
  std::vector<ModelToken> found_;
};

TextRow make_whole_row(const TokenizerParts& parts, std::string_view text, std::size_t most,
                       TruncationSide side) {
  const Pieces pieces = cut_into_pieces(parts, text);
  RowBuilder builder(parts, pieces);
  TextRow row;
  const bool backwards = side == TruncationSide::left;
  const std::size_t count = pieces.list.size();
  row.tokens.reserve(std::min(most, count + count / 4) + 16);
  for (std::size_t i = 0; i < count && row.tokens.size() <= most; ++i)
    builder.add(pieces.list[backwards ? count - 1 - i : i], row.tokens, backwards);
  if (row.tokens.size() > most) {
    row.tokens.resize(most);
    row.more = true;
  }
  if (backwards) std::reverse(row.tokens.begin(), row.tokens.end());
  return row;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

// The first place at or behind `from` that TokenizerParts::is_local speaks of, or the end.
std::size_t place_to_stop(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at + 1 < text.size(); ++at)
    if (text[at] == ' ' && is_alphanumeric(text[at - 1]) && is_alphanumeric(text[at + 1]))
      return at;
  return text.size();
}

}  // namespace

TextRow make_row(const TokenizerParts& parts, std::string_view text, std::size_t most,
                 TruncationSide side) {
  // Of a text far longer than needed only the beginning is looked at, and more if that was too
  // short.
  constexpr std::size_t kBytesPerToken = 8, kLeast = 2048;
  if (parts.is_local && side == TruncationSide::right && most < text.size() / kBytesPerToken) {
    for (std::size_t bytes = most * kBytesPerToken + kLeast; bytes < text.size(); bytes *= 4) {
      const std::size_t end = place_to_stop(text, bytes);
      if (end == text.size()) break;
      TextRow row = make_whole_row(parts, text.substr(0, end), most, side);
      if (row.more) return row;
    }
  }
  return make_whole_row(parts, text, most, side);
}

void cut_row(TextRow& row, std::size_t most, TruncationSide side) {
  if (row.tokens.size() <= most) return;
  row.more = true;
  if (side == TruncationSide::left)
    row.tokens.erase(row.tokens.begin(), row.tokens.end() - std::ptrdiff_t(most));
  else
    row.tokens.resize(most);
}

}  // namespace serval::tok
