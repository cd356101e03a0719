// Silero's voice activity detector (silero-vad 6.2, MIT): the probability that there is speech, for
// every 512 samples of 16 kHz audio. Our own forward pass, in f32.
//   64 samples before and the 512 -> 4 frames of a windowed Fourier transform -> magnitudes -> four
//   convolutions over time -> LSTM -> one number
// Oracle: tools/golden/silero_vad.py, within 1e-4.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/ops.h"
#include "plugins/whisper/vad/vad_weights.h"

namespace serval::whisper {

inline constexpr int kVadWindow = 512;

class Vad {
 public:
  // path: silero_vad_16k.safetensors. ops must outlive the detector. Errors: not_found, data_loss.
  static Result<std::unique_ptr<Vad>> load(const std::string& path, const Ops& ops);

  // What one stream has heard; a new one has heard nothing.
  struct State {
    static constexpr int kContext = 64;
    std::array<float, kContext> context{};  // the last samples
    std::array<float, VadWeights::kState> hidden{}, cell{};
  };

  // Appends one probability for every kVadWindow samples; samples.size() is a multiple of that.
  // Bitwise the same however a stream is cut into calls. Reentrant for different states.
  void run(State& state, std::span<const float> samples, std::vector<float>& probabilities) const;

 private:
  Vad(VadWeights weights, const Ops& ops) : weights_(std::move(weights)), ops_(ops) {}
  struct Block;
  void encode(Block& block, int windows) const;
  float step(State& state, const float* input_gates) const;

  VadWeights weights_;
  const Ops& ops_;
};

}  // namespace serval::whisper
