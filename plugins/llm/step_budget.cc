#include "plugins/llm/step_budget.h"

#include <algorithm>

namespace serval::llm {

StepBudget::StepBudget(const CostModel* cost, double factor, const StepShape& decode)
    : cost_(cost),
      shape_(decode),
      limit_ns_(cost != nullptr && decode.tokens > 0 ? factor * cost->predict_ns(decode) : -1) {}

int StepBudget::chunk(int position, int most) const {
  if (limit_ns_ < 0 || most <= 0) return std::max(most, 0);
  const auto fits = [&](int count) {
    StepShape with = shape_;
    with.add(position, count);
    return cost_->predict_ns(with) <= limit_ns_;
  };
  int low = 0, high = most;  // fits(low); nothing above high does
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

double StepBudget::time_ns(int position, int count, int most) const {
  if (count <= 0) return 0;
  most = std::clamp(most, 1, count);
  const int each = std::max(chunk(position + count / 2, most), std::min(kLeastChunk, most));
  const int steps = (count + each - 1) / each;
  StepShape average = shape_;
  average.add(position + (count - each) / 2, each);
  return steps * cost_->predict_ns(average);
}

}  // namespace serval::llm
