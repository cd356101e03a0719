// The weights of Silero's voice activity detector for 16 kHz, packed for the dense products.
#pragma once

#include <string>
#include <vector>

#include "common/aligned_memory.h"
#include "common/result.h"
#include "kernels/ops.h"

namespace serval::whisper {

// One dense product of the network.
struct VadLayer {
  DenseWeights weights;
  const float* bias = nullptr;
};

// A convolution over three frames as products over neighbouring frames laid end to end. At the
// ends of the four frames of a window one of the three is padding, so there the product is shorter.
struct VadConvolution {
  VadLayer first;   // of the frames 0 and 1
  VadLayer middle;  // of three frames
  VadLayer last;    // of the last two
};

struct VadWeights {
  static constexpr int kFourier = 256;            // samples of a frame
  static constexpr int kBins = kFourier / 2 + 1;  // magnitudes of a frame
  static constexpr int kState = 128;              // of the LSTM
  static constexpr int kConv1 = 128, kConv2 = 64, kConv3 = 64, kConv4 = 128;  // their outputs

  // path: silero_vad_16k.safetensors. Errors: not_found; data_loss, naming the tensor that is
  // absent or has another shape or type.
  static Result<VadWeights> load(const std::string& path);

  VadLayer fourier;  // real parts of the bins, then imaginary ones
  VadConvolution conv1;
  VadLayer conv2_first, conv2_last;  // stride 2: outputs from frames 0, 1 and from 1, 2, 3
  VadLayer conv3;                    // one output, from frames 0 and 1
  VadLayer conv4;                    // one output, from one frame
  // The LSTM's four gates, all negated and the cell gate doubled besides: 1 / (1 + exp(gate)) is
  // then the sigmoid of the other three, and tanh(x) = 2 sigmoid(2x) - 1.
  VadLayer input_gates;  // biases of both included
  VadLayer state_gates;
  std::vector<float> output;  // [kState]
  float output_bias = 0;

 private:
  friend class VadPacker;
  AlignedMemory packed_;
  std::vector<std::vector<float>> biases_;
};

}  // namespace serval::whisper
