// A tokenizer.json once it is read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/formats/vocabulary.h"
#include "common/json.h"
#include "common/tokenizers/added_tokens.h"
#include "common/tokenizers/decoder.h"
#include "common/tokenizers/normalizer.h"
#include "common/tokenizers/post_processor.h"
#include "common/tokenizers/pre_tokenizer.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {

// Spaces at the ends of a token, in characters.
struct SpacesAround {
  uint32_t leading = 0, trailing = 0;
};

// Immutable once read; stays where it is, for the model looks into the vocabulary.
struct TokenizerParts {
  Vocabulary vocabulary;  // every token as the file spells it
  std::unique_ptr<const Normalizer> normalizer;
  AddedTokens added;
  PreTokenizerPart pre_tokenizer;
  std::unique_ptr<const TokenModel> model;
  PostProcessor post_processor;
  Decoder decoder;
  std::vector<SpacesAround> spaces;  // by id, if offsets are trimmed
  // The tokens of a text that ends between a letter or digit and a space (all of ASCII) are the
  // first ones of any text that goes on there with the space and a letter or digit.
  bool is_local = false;
};

// As the reference counts them: white space, and what GPT-2's alphabet has for a space.
SpacesAround spaces_around(std::string_view token);

// name: for errors, which are those of TextTokenizer::parse.
Result<std::unique_ptr<const TokenizerParts>> read_tokenizer(const json::value& file,
                                                             const std::string& name);

// What tokenizer.json would hold for BERT's vocab.txt, one token a line, and its
// tokenizer_config.json (or nothing).
Result<json::value> tokenizer_of_vocab(std::string_view vocab, const json::value& config,
                                       const std::string& name);

}  // namespace serval::tok
