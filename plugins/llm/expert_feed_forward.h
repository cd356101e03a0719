// Routed experts in place of one feed-forward (Shazeer et al. 2017; Jiang et al. 2024, Mixtral).
#pragma once

#include "plugins/llm/step.h"

namespace serval::llm {

// Tokens are gathered by expert, each expert in use multiplies its tokens as any feed-forward does,
// and a token's outputs are added up in the order of its own choice. So its result does not depend
// on who else is in the step.
class ExpertFeedForward {
 public:
  ExpertFeedForward(const ModelShape& shape, int max_tokens);
  static std::size_t bytes(const ModelShape& shape, int max_tokens);

  // As DenseFeedForward::run.
  void run(const LayerWeights& weights, Step& step);

 private:
  struct Group {  // rows [begin, end) of the buffers below belong to one expert
    int expert, begin, end;
    std::size_t quantised_at;
  };

  void choose(const Linear& router, Step& step);
  void group(const ExpertShape& experts, int tokens);
  void gather(Step& step);
  void multiply(const ExpertWeights& experts, Step& step);
  void mix(Step& step);
  // Lays the groups' quantised rows of this width out in quantised_.
  void lay_out(int64_t cols);
  void quantise(Step& step, const float* rows, int64_t cols);
  MatMul product(const Group& group, const PackedMatrix& w, const float* from, float* y) const;

  std::vector<float> scores_;         // [T, experts]
  std::vector<int> chosen_;           // [T, used]
  std::vector<float> weights_;        // [T, used]
  std::vector<int> row_of_;           // [T, used]: where the pair of token and expert is computed
  std::vector<int> token_of_;         // [T * used]: the token a row belongs to
  std::vector<Group> groups_;         // by expert; those without a token are left out
  std::vector<float> x_;              // [T * used, hidden]: gathered input, then output
  std::vector<float> gate_, up_;      // [T * used, feed_forward of one expert]
  std::vector<std::byte> quantised_;  // the groups' rows, one group after the other
  std::vector<MatMul> products_;
};

}  // namespace serval::llm
