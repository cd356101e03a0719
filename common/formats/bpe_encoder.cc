#include "common/formats/bpe_encoder.h"

#include <algorithm>
#include <string>

#include "common/formats/bpe_merger.h"
#include "common/formats/nfc.h"

namespace serval {
namespace {

class BpeEncoder final : public TextEncoder {
 public:
  BpeEncoder(const Vocabulary& vocabulary, BpeMerger merger, const TokenizerData& data)
      : vocabulary_(vocabulary),
        merger_(std::move(merger)),
        rules_(data.rules.words),
        nfc_(data.rules.nfc) {
    find_whole_words(data.rules.whole_words);
  }

  void encode(std::string_view text, std::vector<TokenId>& out) const override {
    std::string normalized;
    if (nfc_ && normalize_nfc(text, normalized)) text = normalized;
    BpeMerger::Scratch scratch;
    cut_words(rules_, text, [&](std::string_view word) {
      const TokenId id = word.size() <= longest_word_ ? vocabulary_.find(word) : -1;
      if (id >= 0 && whole_[std::size_t(id)])
        out.push_back(id);
      else
        merger_.encode(word, scratch, out);
    });
  }

 private:
  // Either every word that is in the vocabulary is taken as it is, or only those that the merges
  // arrive at: found out once here, so that most words of a text need no merging.
  void find_whole_words(bool all) {
    whole_.assign(std::size_t(vocabulary_.size()), false);
    BpeMerger::Scratch scratch;
    std::vector<TokenId> ids;
    for (TokenId id = 0; id < vocabulary_.size(); ++id) {
      const std::string_view bytes = vocabulary_.bytes(id);
      if (vocabulary_.kind(id) != TokenKind::normal || bytes.empty()) continue;
      if (!all) {
        ids.clear();
        merger_.encode(bytes, scratch, ids);
        if (ids.size() != 1 || ids[0] != id) continue;
      }
      whole_[std::size_t(id)] = true;
      longest_word_ = std::max(longest_word_, bytes.size());
    }
  }

  const Vocabulary& vocabulary_;
  BpeMerger merger_;
  PreTokenizer rules_;
  bool nfc_;
  std::vector<bool> whole_;       // [vocab] a word with just these bytes is this one token
  std::size_t longest_word_ = 0;  // bytes of the longest such token
};

}  // namespace

Result<std::unique_ptr<TextEncoder>> make_bpe_encoder(const Vocabulary& vocabulary,
                                                      const TokenizerData& data) {
  Result<BpeMerger> merger = BpeMerger::build(vocabulary, data.merges);
  if (!merger) return merger.error();
  return std::unique_ptr<TextEncoder>(
      std::make_unique<BpeEncoder>(vocabulary, std::move(*merger), data));
}

}  // namespace serval
