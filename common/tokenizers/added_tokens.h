// Tokens that are found in a text before anything else is done to it: "[MASK]", "<s>" and the like.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/tokenizers/byte_trie.h"
#include "common/tokenizers/component.h"
#include "common/tokenizers/normalizer.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {

struct AddedToken {
  std::string content;
  std::string shown;  // the content as the normaliser leaves it, if that is looked for
  TokenId id = -1;
  bool special = false;                          // not shown when special tokens are skipped
  bool single_word = false;                      // not found within a word
  bool left_strip = false, right_strip = false;  // takes the white space at that side
  bool normalized = false;                       // looked for in the normalised text
};

// Immutable once made; const functions may be called from any number of threads.
class AddedTokens {
 public:
  // root: the whole file. tokens: the model's, to which those that are not among them are added.
  // Errors: data_loss for what is malformed or has an impossible id.
  static Result<AddedTokens> read(Component& root, ModelTokens& tokens,
                                  const Normalizer* normalizer);

  // Calls part(begin, end, token) for parts that cover the view, in order; token is nullptr where
  // there is none. normalized: looks for those tokens that are looked for in normalised text.
  // Cost: linear, but for tokens that begin alike.
  void split(std::string_view view, bool normalized,
             const std::function<void(std::size_t, std::size_t, const AddedToken*)>& part) const;

  const std::vector<AddedToken>& list() const { return list_; }
  // nullptr if it is none.
  const AddedToken* by_id(TokenId id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? nullptr : &list_[found->second];
  }
  // No token reaches over a space between two letters or digits, or takes such a space.
  bool is_local() const;

 private:
  // Tokens of one kind, by what is looked for.
  struct Finder {
    ByteTrie trie;  // to the index in list_
    bool first[256] = {};
    bool empty = true;
  };

  std::vector<AddedToken> list_;
  std::unordered_map<TokenId, std::size_t> places_;  // in list_
  Finder plain_, normalized_;
};

}  // namespace serval::tok
