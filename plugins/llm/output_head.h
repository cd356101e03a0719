// From the residual stream to logits.
#pragma once

#include <span>
#include <vector>

#include "plugins/llm/language_model.h"
#include "plugins/llm/step.h"

namespace serval::llm {

class OutputHead {
 public:
  explicit OutputHead(const ModelShape& shape);
  static std::size_t bytes(const ModelShape& shape);

  // Logits of rows of step.x: [rows.size(), vocab], valid until the next call. At most
  // LanguageModel::kLogitRows rows.
  const float* run(const Weights& weights, std::span<const int> rows, LogitsFor use, Step& step);

 private:
  bool run_coarse(const Weights& weights, int row, int rows, Step& step);
  MatMul product(const PackedMatrix& w, int rows, const Step& step);

  std::vector<float> x_;                 // [kLogitRows, hidden], normalised
  std::vector<float> logits_;            // [kLogitRows, vocab]
  std::vector<std::vector<int>> found_;  // candidates, one list a range of the vocabulary
  std::vector<float> squares_;           // of the norms of one row's blocks
  std::vector<int64_t> groups_;          // row groups with a candidate
};

}  // namespace serval::llm
