// Decoders: the texts of tokens to one text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/tokenizers/component.h"
#include "common/tokenizers/text_pattern.h"

namespace serval::tok {

// Immutable; apply() may be called from any number of threads.
class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

using Decoder = std::vector<std::unique_ptr<const DecodeStep>>;

// part: "decoder" of the file, or none, which gives an empty row. Errors: unimplemented for a type
// that is not known, data_loss for one that is malformed.
Result<Decoder> read_decoder(Component part);

// A space between words, none before tokens with the prefix, which goes.
class WordPieceDecoder final : public DecodeStep {
 public:
  WordPieceDecoder(std::string_view prefix, bool cleanup) : prefix_(prefix), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  const std::string prefix_;
  const bool cleanup_;
};

// GPT-2's alphabet back to bytes; what is not UTF-8 then becomes U+FFFD.
class ByteLevelDecoder final : public DecodeStep {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

class MetaspaceDecoder final : public DecodeStep {
 public:
  MetaspaceDecoder(std::string_view mark, bool drop_first) : mark_(mark), drop_first_(drop_first) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  const std::string mark_;
  const bool drop_first_;
};

// Rows of <0xNN> to the characters they spell, or U+FFFD for each.
class ByteFallbackDecoder final : public DecodeStep {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

class FuseDecoder final : public DecodeStep {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

// At most `start` and `stop` of a character off the ends of each token.
class StripDecoder final : public DecodeStep {
 public:
  StripDecoder(std::string_view character, std::size_t start, std::size_t stop)
      : character_(character), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  const std::string character_;
  const std::size_t start_, stop_;
};

class ReplaceDecoder final : public DecodeStep {
 public:
  ReplaceDecoder(TextPattern pattern, std::string_view content)
      : pattern_(std::move(pattern)), content_(content) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  const TextPattern pattern_;
  const std::string content_;
};

// A space where a word's suffix was.
class SuffixDecoder final : public DecodeStep {
 public:
  explicit SuffixDecoder(std::string_view suffix) : suffix_(suffix) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  const std::string suffix_;
};

}  // namespace serval::tok
