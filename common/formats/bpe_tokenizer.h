// Byte-level BPE tokenizer, built from a GGUF file's metadata. Gives the ids that the Hugging Face
// tokenizer of the same model gives (tests/golden/tokenizer, tools/golden/tokenizer.py).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/bpe_vocabulary.h"
#include "common/formats/gguf.h"
#include "common/result.h"

namespace serval {

struct EncodeOptions {
  // true: the text of a control or user-defined token ("<|im_start|>") becomes that token, as a
  // chat template needs it. false: it is text like any other, as a user's message should be.
  bool parse_special = false;
  // true: beginning- and end-of-sequence tokens are added where the file asks for them
  // (tokenizer.ggml.add_bos_token, add_eos_token).
  bool add_special = false;
};

// Immutable; every const function may be called from any number of threads.
class BpeTokenizer {
 public:
  // Errors: unimplemented for a tokenizer or pre-tokenizer this build does not know (by name),
  // invalid_argument for keys that are missing, of a wrong type or at odds with each other.
  // `file` is not needed afterwards.
  static Result<BpeTokenizer> from_gguf(const GgufFile& file);

  BpeTokenizer(BpeTokenizer&&) noexcept;
  BpeTokenizer& operator=(BpeTokenizer&&) noexcept;
  ~BpeTokenizer();

  // Any bytes will do: each invalid UTF-8 sequence is read as U+FFFD, cut as Python's
  // errors="replace" cuts it. A byte for which the vocabulary has no token is left out, as the
  // reference does. Qwen2's rules put the text into NFC first, again as the reference does.
  // Cost: linear in the text but for single words, n log n. REQUIRES: text.size() < 2^30.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The bytes a token stands for; one token may hold part of a UTF-8 character (common/utf8.h tells
  // how much of a tail is incomplete). Control tokens give their name. Empty if there is no such
  // id.
  std::string_view decode(TokenId token) const;
  // The tokens' bytes in a row; control tokens are left out if `skip_control`.
  std::string decode(std::span<const TokenId> tokens, bool skip_control) const;

  int32_t vocab_size() const;
  // The token with exactly these bytes (for a control token: its name), whatever its kind.
  std::optional<TokenId> find(std::string_view bytes) const;
  bool is_control(TokenId token) const;  // control or unknown-token: never shown to a user
  bool is_special(TokenId token) const;  // control or user-defined: what parse_special looks for

  // Named by the file; nullopt if it names none.
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool adds_bos() const;
  // Tokens that end an answer: the file's eos, eot and eom, and control tokens with the usual names
  // of those (<|im_end|>, <|eot_id|>, <|endoftext|>, ...). Sorted.
  const std::vector<TokenId>& end_tokens() const;
  bool is_end(TokenId token) const;

 private:
  struct Tables;
  explicit BpeTokenizer(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace serval
