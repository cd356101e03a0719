// Reductions over a vocabulary row. Four accumulators, lanes and accumulators always joined in the
// same order: the result depends on the row alone.
constexpr int kLogitStep = 4 * Vec::width;

float max_of(const float* x, int64_t n) {
  const float lowest = -__builtin_inff();
  Vec peak[4] = {Vec::set(lowest), Vec::set(lowest), Vec::set(lowest), Vec::set(lowest)};
  int64_t i = 0;
  for (; i + kLogitStep <= n; i += kLogitStep)
    for (int j = 0; j < 4; ++j) peak[j] = greater(Vec::load(x + i + j * Vec::width), peak[j]);
  for (; i < n; i += Vec::width)
    peak[0] = greater(Vec::load_or(x + i, left(n, i), lowest), peak[0]);
  return max_lane(greater(greater(peak[0], peak[1]), greater(peak[2], peak[3])));
}

int64_t argmax(const float* x, int64_t n) {
  const float peak = max_of(x, n);
  int64_t i = 0;
  while (i + Vec::width <= n && !any_equal(Vec::load(x + i), Vec::set(peak))) i += Vec::width;
  for (; i < n; ++i)
    if (x[i] == peak) return i;
  return -1;
}

float log_sum_exp(const float* x, int64_t n) {
  const float peak = max_of(x, n);
  if (!__builtin_isfinite(peak)) return peak;
  const Vec shift = Vec::set(peak);
  Vec total[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
  int64_t i = 0;
  for (; i + kLogitStep <= n; i += kLogitStep)
    for (int j = 0; j < 4; ++j)
      total[j] = total[j] + exp(Vec::load(x + i + j * Vec::width) - shift);
  for (; i < n; i += Vec::width)
    total[0] = total[0] + exp(Vec::load_or(x + i, left(n, i), -__builtin_inff()) - shift);
  return float(peak + __builtin_log(double(sum((total[0] + total[1]) + (total[2] + total[3])))));
}
