// Unigram: of all ways to cut a piece into tokens, the one whose scores have the highest sum.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/formats/quoted_name.h"
#include "common/tokenizers/aligned_text.h"
#include "common/tokenizers/byte_trie.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {
namespace {

constexpr double kUnknownPenalty = 10;  // below the worst of the scores

class Unigram final : public TokenModel {
 public:
  Unigram(ByteTrie trie, std::vector<double> scores, TokenId unknown)
      : trie_(std::move(trie)), scores_(std::move(scores)), unknown_(unknown) {
    const double least = *std::min_element(scores_.begin(), scores_.end());
    unknown_score_ = least - kUnknownPenalty;
  }

  // Characters that are in no token become their bytes where all of these are tokens.
  void use_byte_tokens() {
    byte_tokens_.assign(256, -1);
    for (int byte = 0; byte < 256; ++byte) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const char name[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      byte_tokens_[std::size_t(byte)] = trie_.find({name, sizeof(name)});
    }
  }

  void encode(std::string_view piece, ModelScratch& scratch,
              std::vector<ModelToken>& out) const override {
    find_best(piece, scratch.best);
    // From the end to the start; unknown characters next to each other are one token.
    const std::size_t before = out.size();
    uint32_t unknown_end = 0;
    auto end = uint32_t(piece.size());
    const auto end_unknown = [&] {
      if (unknown_end == 0) return;
      append_unknown(piece, end, unknown_end, out);
      unknown_end = 0;
    };
    while (end > 0) {
      const ModelScratch::Best& best = scratch.best[end];
      const auto begin = uint32_t(best.begin);
      if (best.id == unknown_) {
        if (unknown_end == 0) unknown_end = end;
      } else {
        end_unknown();
        out.push_back({best.id, begin, end});
      }
      end = begin;
    }
    end_unknown();
    std::reverse(out.begin() + std::ptrdiff_t(before), out.end());
  }

 private:
  // best[i]: how the first i bytes are cut best. Of equal sums the one found first stays.
  void find_best(std::string_view piece, std::vector<ModelScratch::Best>& best) const {
    best.assign(piece.size() + 1, {0, -1, -1});
    const auto offer = [&](std::size_t end, double score, std::size_t begin, TokenId id) {
      ModelScratch::Best& there = best[end];
      if (there.begin < 0 || score > there.score) there = {score, int32_t(begin), id};
    };
    for (std::size_t begin = 0; begin < piece.size();) {
      const double here = best[begin].score;
      const std::size_t single = begin + char_length(piece[begin]);
      bool has_single = false;
      uint32_t node = ByteTrie::kRoot;
      for (std::size_t at = begin; at < piece.size();) {
        node = trie_.step(node, piece[at++]);
        if (node == ByteTrie::kNone) break;
        const TokenId id = trie_.id(node);
        if (id < 0) continue;
        offer(at, scores_[std::size_t(id)] + here, begin, id);
        has_single |= at == single;
      }
      if (!has_single) offer(single, unknown_score_ + here, begin, unknown_);
      begin = single;
    }
  }

  // In reverse order, as the caller goes.
  void append_unknown(std::string_view piece, uint32_t begin, uint32_t end,
                      std::vector<ModelToken>& out) const {
    const std::string_view text = piece.substr(begin, end - begin);
    const TokenId known = trie_.find(text);
    const auto has_token = [&](char byte) { return byte_tokens_[uint8_t(byte)] >= 0; };
    if (known >= 0 || byte_tokens_.empty() || !std::all_of(text.begin(), text.end(), has_token))
      return out.push_back({known >= 0 ? known : unknown_, begin, end});
    for (auto byte = text.rbegin(); byte != text.rend(); ++byte)
      out.push_back({byte_tokens_[uint8_t(*byte)], begin, end});
  }

  const ByteTrie trie_;
  const std::vector<double> scores_;  // by id
  const TokenId unknown_;
  double unknown_score_ = 0;
  std::vector<TokenId> byte_tokens_;  // empty: not in use
};

}  // namespace

MadeModel read_unigram(Component& model) {
  const json::value* vocab = model.member("vocab");
  if (vocab == nullptr || !vocab->is_array() || vocab->get_array().empty())
    return model.bad("has no vocab");
  const auto size = int64_t(vocab->get_array().size());
  const int64_t unknown = model.number("unk_id", -1, 0, size - 1);
  const bool bytes = model.flag("byte_fallback", false);
  if (!model.status()) return model.status().error();
  if (unknown < 0) return model.unsupported("a Unigram model without unk_id");
  std::vector<double> scores;
  ByteTrie trie(vocab->get_array().size() * 8);
  for (const json::value& item : vocab->get_array()) {
    // That each is a text and something was seen when the tokens were read.
    const std::string_view text = item.get_array()[0].get_string();
    const json::value& score = item.get_array()[1];
    if (!score.is_number()) return model.bad("token " + quoted_name(text) + " has no score");
    scores.push_back(score.to_number<double>());
    if (!std::isfinite(scores.back()))
      return model.bad("token " + quoted_name(text) + " has a score that is no number");
    if (text.empty()) continue;
    if (text.size() > kMostTokenBytes || !trie.insert(text, TokenId(scores.size() - 1)))
      return model.bad("its vocab is too large, at token " + quoted_name(text));
  }
  auto out = std::make_unique<Unigram>(std::move(trie), std::move(scores), TokenId(unknown));
  if (bytes) out->use_byte_tokens();
  return std::unique_ptr<const TokenModel>(std::move(out));
}

}  // namespace serval::tok
