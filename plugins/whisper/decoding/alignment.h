// When each token was spoken, from the cross-attention weights of a model's alignment heads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace serval::whisper {

// What OpenAI's find_alignment does with the weights: standardise each state over the tokens, a
// median filter over 7 states, the mean of the heads, and the cheapest path (dynamic time warping).
// weights: [heads, tokens, states], softmax over the states; overwritten. Rows `skip` to tokens - 2
// are aligned: each is where the model looked when it wrote the token after it; the end of text is
// the last. Returns the first state (20 ms each) of each of them; empty if there is nothing to
// align.
std::vector<int> align_tokens(std::span<float> weights, int heads, int tokens, int states,
                              int skip);

// Steps of that, for tests.
void standardise_over_tokens(std::span<float> weights, int tokens, int states);  // of one head
void median_filter(std::span<float> row, int width);  // odd; the ends are reflected
// The path through cost [rows, columns] that is cheapest in sum, from the first corner to the last;
// pairs (row, column).
std::vector<std::pair<int, int>> cheapest_path(std::span<const float> cost, int rows, int columns);

}  // namespace serval::whisper
