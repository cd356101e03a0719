// Tokenizers of every kind behind one interface. Each gives the ids that the reference tokenizer of
// the same model gives (tests/golden/tokenizer, tools/golden/tokenizer.py).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/token.h"
#include "common/formats/tokenizer_data.h"
#include "common/result.h"

namespace serval {

struct EncodeOptions {
  // true: the text of a control token ("<|im_start|>") becomes that token, as a chat template needs
  // it. false: it is text like any other, as a user's message should be. User-defined tokens: with
  // byte-level BPE the same, with SentencePiece they are found in any text.
  bool parse_special = false;
  // true: beginning- and end-of-sequence tokens are added where the model asks for them.
  bool add_special = false;
};

// Immutable; every const function may be called from any number of threads.
class Tokenizer {
 public:
  // Errors: invalid_argument for parts that are missing or at odds with each other.
  static Result<Tokenizer> build(const TokenizerData& data);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Any bytes will do: each invalid UTF-8 sequence is read as U+FFFD, cut as Python's
  // errors="replace" cuts it. What the vocabulary has no token for becomes bytes or the unknown
  // token or is left out, as the reference does it. A space prefix goes in front of the text and
  // behind each control token in it.
  // Cost: linear in the text but for single words, n log n. REQUIRES: text.size() < 2^29.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The bytes a token stands for; one token may hold part of a UTF-8 character (common/utf8.h tells
  // how much of a tail is incomplete). Control tokens give their name. Empty if there is no such
  // id. Spaces in front are part of the token, also those that a space prefix brought in.
  std::string_view decode(TokenId token) const;
  // The tokens' bytes in a row; control tokens are left out if `skip_control`.
  std::string decode(std::span<const TokenId> tokens, bool skip_control) const;

  int32_t vocab_size() const;
  // The token with exactly these bytes (for a control token: its name), whatever its kind.
  std::optional<TokenId> find(std::string_view bytes) const;
  bool is_control(TokenId token) const;  // control or unknown-token: never shown to a user
  bool is_special(TokenId token) const;  // the same or user-defined

  // Named by the model; nullopt if it names none.
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool adds_bos() const;
  // Tokens that end an answer: those the model names, and control tokens with the usual names
  // of those (<|im_end|>, <|eot_id|>, <|endoftext|>, ...). Sorted.
  const std::vector<TokenId>& end_tokens() const;
  bool is_end(TokenId token) const;

 private:
  struct Tables;
  explicit Tokenizer(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace serval
