// Rotary position embedding (Su et al. 2021): which angles a model turns its heads by.
#pragma once

#include <vector>

#include "plugins/llm/shape_reader.h"

namespace serval::llm {

struct RopeShape {
  double base = 10000;
  std::vector<float> factors;  // [rotary_dim / 2] or empty: divide the angles
  float magnitude = 1;         // on cosines and sines
};

// YaRN (Peng et al. 2023): stretches the slow dimensions by `factor`, leaves the fast ones, and
// blends those between.
struct Yarn {
  double factor = 1;            // how many times longer the context becomes
  double original_context = 0;  // tokens, before that
  double beta_fast = 32;        // turns in the original context above which a dimension is fast
  double beta_slow = 1;         // and below which it is slow
};
// The divisors of the angles, [rotary_dim / 2].
std::vector<float> yarn_factors(const Yarn& yarn, double base, int rotary_dim);
// What YaRN multiplies queries and keys by unless a model says otherwise: 0.1 ln(factor) + 1.
double yarn_magnitude(double factor);

// The file's own angles: rope.freq_base, rope.scaling.* (linear, yarn) and the tensor
// rope_freqs.weight, which holds the outcome of Llama 3's scaling. Errors go to the reader.
RopeShape read_rope(ShapeReader& read, int rotary_dim, int context);

// cos_sin table of ops.h's Rope for positions [0, positions).
std::vector<float> rope_table(const RopeShape& rope, int positions, int rotary_dim);

}  // namespace serval::llm
