#include "plugins/whisper/decoding/alignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace serval::whisper {
namespace {

constexpr int kMedianWidth = 7;
constexpr int kMostWidth = 15;

enum Step : uint8_t { both, row, column };

}  // namespace

void standardise_over_tokens(std::span<float> weights, int tokens, int states) {
  for (int s = 0; s < states; ++s) {
    double sum = 0, squares = 0;
    for (int t = 0; t < tokens; ++t) sum += double(weights[std::size_t(t) * states + s]);
    const double mean = sum / tokens;
    for (int t = 0; t < tokens; ++t) {
      const double distance = double(weights[std::size_t(t) * states + s]) - mean;
      squares += distance * distance;
    }
    const double deviation = std::sqrt(squares / tokens);
    for (int t = 0; t < tokens; ++t) {
      float& weight = weights[std::size_t(t) * states + s];
      // A state that all tokens see alike says nothing of any.
      weight = deviation > 0 ? float((double(weight) - mean) / deviation) : 0;
    }
  }
}

void median_filter(std::span<float> row, int width) {
  const int n = int(row.size()), half = width / 2;
  if (n <= half) return;
  const std::vector<float> in(row.begin(), row.end());
  std::array<float, kMostWidth> window;
  for (int i = 0; i < n; ++i) {
    for (int k = -half; k <= half; ++k) {
      int at = std::abs(i + k);
      if (at >= n) at = 2 * (n - 1) - at;
      window[std::size_t(k + half)] = in[std::size_t(at)];
    }
    std::nth_element(window.begin(), window.begin() + half, window.begin() + width);
    row[std::size_t(i)] = window[std::size_t(half)];
  }
}

std::vector<std::pair<int, int>> cheapest_path(std::span<const float> cost, int rows, int columns) {
  const std::size_t width = std::size_t(columns) + 1;
  constexpr float kFar = std::numeric_limits<float>::infinity();
  std::vector<float> above(width, kFar), here(width);
  std::vector<uint8_t> steps((std::size_t(rows) + 1) * width, column);
  above[0] = 0;
  for (int i = 1; i <= rows; ++i) {
    here[0] = kFar;
    uint8_t* const step = steps.data() + std::size_t(i) * width;
    step[0] = row;
    for (int j = 1; j <= columns; ++j) {
      const float c0 = above[std::size_t(j) - 1], c1 = above[std::size_t(j)],
                  c2 = here[std::size_t(j) - 1];
      step[j] = c0 < c1 && c0 < c2 ? both : c1 < c0 && c1 < c2 ? row : column;
      const float before = step[j] == both ? c0 : step[j] == row ? c1 : c2;
      here[std::size_t(j)] = before + cost[std::size_t(i - 1) * std::size_t(columns) + (j - 1)];
    }
    std::swap(above, here);
  }
  std::vector<std::pair<int, int>> path;
  for (int i = rows, j = columns; i > 0 || j > 0;) {
    path.emplace_back(i - 1, j - 1);
    const uint8_t step = steps[std::size_t(i) * width + std::size_t(j)];
    if (step != column) --i;
    if (step != row) --j;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<int> align_tokens(std::span<float> weights, int heads, int tokens, int states,
                              int skip) {
  const int rows = tokens - skip - 1;
  if (heads < 1 || rows < 1 || states < 1) return {};
  const std::size_t head_size = std::size_t(tokens) * std::size_t(states);
  std::vector<float> cost(std::size_t(rows) * std::size_t(states), 0);
  for (int h = 0; h < heads; ++h) {
    const std::span<float> head = weights.subspan(std::size_t(h) * head_size, head_size);
    standardise_over_tokens(head, tokens, states);
    for (int t = 0; t < rows; ++t) {
      const std::span<float> of_token =
          head.subspan(std::size_t(t + skip) * std::size_t(states), std::size_t(states));
      median_filter(of_token, kMedianWidth);
      float* out = cost.data() + std::size_t(t) * std::size_t(states);
      for (int s = 0; s < states; ++s) out[s] -= of_token[std::size_t(s)];
    }
  }
  for (float& value : cost) value /= float(heads);
  std::vector<int> first(std::size_t(rows), 0);
  int last_row = -1;
  for (const auto& [at_row, at_state] : cheapest_path(cost, rows, states)) {
    if (at_row != last_row && at_row >= 0) first[std::size_t(at_row)] = std::max(at_state, 0);
    last_row = at_row;
  }
  return first;
}

}  // namespace serval::whisper
