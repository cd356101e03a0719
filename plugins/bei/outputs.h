// What clients are given: numbers out of a model's results, and their JSON. docs/requests.md has
// the shapes. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"
#include "plugins/bei/params.h"

namespace serval::bei {

// Divides by the length; a vector of zeros stays one. The sum is in double, first to last.
void normalize(std::span<float> values);
float sigmoid(float x);
std::vector<float> sigmoids(std::span<const float> logits);
std::vector<float> softmax(std::span<const float> logits);  // REQUIRES: not empty
// Of two vectors of the same width; 0 if one is all zeros.
float cosine(std::span<const float> a, std::span<const float> b);

// A text's vector as the request wants it: cut, normalised.
std::vector<float> finish_vector(std::span<const float> pooled, const RequestParams& params);

// meta_json of a tensor. shape {width} or {tokens, width}.
std::string tensor_meta(std::span<const int> shape, int tokens);

// pairs: index, value, index, value, ...
std::string sparse_json(std::span<const float> pairs);

// The classes of a text, the best first.
std::string classes_json(std::span<const float> logits, const ModelFacts& facts, bool raw);

// One entry a token, but for those of class "O" and those the tokenizer added.
std::string token_classes_json(std::span<const float> logits, const ModelFacts& facts, bool raw,
                               std::string_view text, const TextEncoding& encoding);

std::string tokens_json(const TextEncoding& encoding, const TextTokenizer& tokenizer);

std::string describe_json(const ModelFacts& facts);

}  // namespace serval::bei
