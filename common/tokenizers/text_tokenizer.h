// The tokenizers of encoder models, from a Hugging Face folder: text to ids, type ids and offsets.
//
// Gives what the `tokenizers` package gives for the same tokenizer.json
// (tests/golden/text_tokenizer, tools/golden/text_tokenizer.py). The tokenizers of language models,
// which come from GGUF, are in common/formats/tokenizer.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/token.h"
#include "common/result.h"

namespace serval {

enum class TruncationSide { right, left };  // the end that is cut away

struct TextEncodeOptions {
  // true: the post-processor's tokens ([CLS], [SEP], ...) are added.
  bool add_special = true;
  // Most tokens of the result, the special ones included; 0: no limit. The limits and the padding
  // that the file itself names are not used: a caller knows its model's length.
  std::size_t max_tokens = 0;
  TruncationSide truncation_side = TruncationSide::right;
};

// Part of the text that was given, in Unicode code points: [begin, end).
struct TextSpan {
  uint32_t begin = 0, end = 0;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

// Rows of equal length, one entry a token.
struct TextEncoding {
  std::vector<TokenId> ids;
  std::vector<uint8_t> type_ids;   // 0, or 1 where the post-processor marks the second text so
  std::vector<TextSpan> offsets;   // in the text the token is from; {0, 0} for special ones
  std::vector<uint8_t> special;    // 1: added by the post-processor, in neither text
  std::vector<uint8_t> sequences;  // 0: first text, 1: second one; 0 for special ones
  bool truncated = false;          // max_tokens cut something away
};

// Immutable; every const function may be called from any number of threads.
class TextTokenizer {
 public:
  // folder: holds tokenizer.json; else vocab.txt, and perhaps tokenizer_config.json, of BERT.
  // Errors: not_found; data_loss for a file that is malformed or at odds with itself;
  // unimplemented, naming it, for a part that is not known.
  static Result<TextTokenizer> load(const std::filesystem::path& folder);
  // text: what tokenizer.json holds; name: for errors.
  static Result<TextTokenizer> parse(std::string_view text, const std::string& name);

  TextTokenizer(TextTokenizer&&) noexcept;
  TextTokenizer& operator=(TextTokenizer&&) noexcept;
  ~TextTokenizer();

  // Any bytes will do: each invalid UTF-8 sequence is read as U+FFFD. Special tokens that are
  // written out in a text become those tokens, as in the reference. Of a text that is longer than
  // max_tokens, cut on the right, only what is needed is read where the rules allow it.
  // Cost: linear but for single words, n log n. REQUIRES: less than 2^30 bytes.
  TextEncoding encode(std::string_view text, const TextEncodeOptions& options = {}) const;
  // Both in one row, as cross-encoders take them; of two that are too long together, the longer one
  // is cut first.
  TextEncoding encode_pair(std::string_view first, std::string_view second,
                           const TextEncodeOptions& options = {}) const;
  // Tokens that add_special adds to a text, or to a pair. A result never has fewer, whatever
  // max_tokens is.
  std::size_t special_count(bool pair) const;

  // The text that the ids stand for; ids that are not in the vocabulary are left out.
  std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  // One more than the highest id.
  int32_t vocab_size() const;
  // As the file spells it ("##ing", "\u0120the"); empty if there is no such id.
  std::string_view token_text(TokenId id) const;
  std::optional<TokenId> find(std::string_view text) const;
  bool is_special(TokenId id) const;  // an added token marked so

 private:
  struct Parts;
  explicit TextTokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace serval
