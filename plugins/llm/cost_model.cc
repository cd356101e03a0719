#include "plugins/llm/cost_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace serval::llm {
namespace {

constexpr double kKindMemory = 32;   // steps of a kind until an old one has lost most of its weight
constexpr double kMemory = 4096;     // steps of any kind
constexpr double kOutlier = 3;       // a step counts as at most so many times its prediction
constexpr int kEnough = 16;          // steps before a prediction is trusted,
constexpr double kGoodError = 0.35;  // its error,
constexpr int kExtrapolation = 8;    // and how much larger than any step seen it may be
constexpr double kPrior = 0.05;      // weight of what was believed before, in steps

// Coefficients in units of c, for terms as terms_of() scales them. From the usual balance of
// arithmetic and memory of a core; right to an order of magnitude is enough.
constexpr std::array<double, 5> kShape = {1.0, 0.25, 1.0, 0.5, 0.25};
constexpr double kSeedBytesPerNs = 20;

}  // namespace

CostModel::CostModel(double weights_bytes) {
  const double c = std::max(weights_bytes, 1.0) / kSeedBytesPerNs;
  for (int i = 0; i < kTerms; ++i)
    coefficients_[std::size_t(i)] = spread_[std::size_t(i)] = c * kShape[std::size_t(i)];
}

CostModel::Terms CostModel::terms_of(const StepShape& shape) {
  return {1.0, double(shape.tokens) / kKnee, double(std::max(shape.tokens - kKnee, 0)) / kKnee,
          double(shape.reads) / 4096, double(shape.pairs) / 4096};
}

double CostModel::predict_ns(const StepShape& shape) const {
  const Terms terms = terms_of(shape);
  double ns = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) ns += coefficients_[i] * terms[i];
  return ns;
}

void CostModel::observe(const StepShape& shape, double ns) {
  if (shape.tokens <= 0 || !(ns > 0) || !std::isfinite(ns)) return;
  double predicted = predict_ns(shape);
  if (observed_ == 0) {
    for (std::size_t i = 0; i < coefficients_.size(); ++i) {
      coefficients_[i] *= ns / predicted;
      spread_[i] *= ns / predicted;
    }
    predicted = ns;
  }
  if (observed_ >= kEnough) ns = std::clamp(ns, predicted / kOutlier, predicted * kOutlier);
  const double error = std::abs(ns - predicted) / ns;
  error_ += (error - error_) / std::min(double(observed_ + 1), double(kEnough));
  ++observed_;
  largest_ = std::max(largest_, shape.tokens);

  for (auto& [kind, sums] : kinds_) {
    for (Terms& row : sums.products)
      for (double& sum : row) sum *= 1 - 1 / kMemory;
    for (double& sum : sums.terms) sum *= 1 - 1 / kMemory;
  }
  const auto context = std::uint64_t(shape.reads / shape.tokens / 64);
  const int kind = int(std::bit_width(unsigned(shape.tokens))) * 64 + int(std::bit_width(context));
  Sums& sums = kinds_[kind];
  const Terms terms = terms_of(shape);
  const double keep = 1 - 1 / kKindMemory, weight = 1 / (ns * ns);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t j = 0; j < terms.size(); ++j)
      sums.products[i][j] = sums.products[i][j] * keep + terms[i] * terms[j] * weight;
    sums.terms[i] = sums.terms[i] * keep + terms[i] * ns * weight;
  }
  fit();
}

// Minimises the weighted squares of errors plus a small pull towards the present coefficients,
// which decides where the steps seen say nothing. A coefficient that comes out below 0 is held at 0
// and the others are solved again.
void CostModel::fit() {
  Sums all;
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (const auto& [kind, sums] : kinds_) {
      for (std::size_t j = 0; j < kTerms; ++j) all.products[i][j] += sums.products[i][j];
      all.terms[i] += sums.terms[i];
    }
    const double pull = kPrior / (spread_[i] * spread_[i]);
    all.products[i][i] += pull;
    all.terms[i] += pull * coefficients_[i];
  }
  std::array<bool, kTerms> held{};
  for (int round = 0; round <= kTerms; ++round) {
    Sums a = all;
    Terms x{};
    for (std::size_t i = 0; i < kTerms; ++i) {
      if (!held[i]) continue;
      a.products[i].fill(0);
      for (Terms& row : a.products) row[i] = 0;
      a.products[i][i] = 1;
      a.terms[i] = 0;
    }
    // Gauss without pivoting: the matrix is positive definite.
    for (std::size_t i = 0; i < kTerms; ++i)
      for (std::size_t j = i + 1; j < kTerms; ++j) {
        const double factor = a.products[j][i] / a.products[i][i];
        for (std::size_t k = i; k < kTerms; ++k) a.products[j][k] -= factor * a.products[i][k];
        a.terms[j] -= factor * a.terms[i];
      }
    for (std::size_t i = kTerms; i-- > 0;) {
      x[i] = a.terms[i];
      for (std::size_t k = i + 1; k < kTerms; ++k) x[i] -= a.products[i][k] * x[k];
      x[i] /= a.products[i][i];
    }
    if (!std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); })) return;
    const auto lowest = std::size_t(std::min_element(x.begin(), x.end()) - x.begin());
    if (x[lowest] >= 0) {
      coefficients_ = x;
      return;
    }
    held[lowest] = true;
  }
}

bool CostModel::trusted(int tokens) const {
  return observed_ >= kEnough && error_ <= kGoodError &&
         tokens <= int64_t(kExtrapolation) * largest_;
}

}  // namespace serval::llm
