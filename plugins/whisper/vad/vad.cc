#include "plugins/whisper/vad/vad.h"

#include <algorithm>
#include <cmath>

namespace serval::whisper {
namespace {

using W = VadWeights;
constexpr int kHop = 128, kFrames = 4, kGates = 4 * W::kState;
constexpr int kContext = Vad::State::kContext;
// Windows of one pass: what they need fits the second-level cache with the weights.
constexpr int kBlock = 48;

// One product: a row of x and of y for each window.
void product(const Ops& ops, const VadLayer& layer, int rows, const float* x, int64_t x_stride,
             float* y, int64_t y_stride, Activation activation = Activation::relu) {
  Dense a;
  a.w = layer.weights;
  a.x = x;
  a.x_stride = std::size_t(x_stride) * sizeof(float);
  a.bias = layer.bias;
  a.activation = activation;
  a.y = y;
  a.y_stride = y_stride;
  a.row_end = rows;
  a.panel_end = dense_panels(layer.weights.n);
  ops.dense(a);
}

}  // namespace

// Rows of windows; what one convolution gives is what the next one reads.
struct Vad::Block {
  static constexpr int kPadded = kContext + kVadWindow + kContext;
  float sound[kBlock][kPadded];  // what was before, the window, its end mirrored
  float fourier[kBlock][kFrames][2 * W::kBins];
  float magnitudes[kBlock][kFrames][W::kBins];
  float conv1[kBlock][kFrames][W::kConv1];
  float conv2[kBlock][2][W::kConv2];
  float conv3[kBlock][W::kConv3];
  float conv4[kBlock][W::kConv4];
  float gates[kBlock][kGates];
};

Result<std::unique_ptr<Vad>> Vad::load(const std::string& path, const Ops& ops) {
  Result<VadWeights> weights = VadWeights::load(path);
  if (!weights) return weights.error();
  return std::unique_ptr<Vad>(new Vad(std::move(*weights), ops));
}

// From block.sound to block.gates.
void Vad::encode(Block& block, int windows) const {
  for (int frame = 0; frame < kFrames; ++frame)
    product(ops_, weights_.fourier, windows, block.sound[0] + frame * kHop, Block::kPadded,
            block.fourier[0][frame], kFrames * 2 * W::kBins, Activation::none);
  for (int row = 0; row < windows * kFrames; ++row) {
    const float* re = block.fourier[0][0] + row * 2 * W::kBins;
    float* out = block.magnitudes[0][0] + row * W::kBins;
    for (int bin = 0; bin < W::kBins; ++bin) {
      const float im = re[W::kBins + bin];
      out[bin] = std::sqrt(re[bin] * re[bin] + im * im);
    }
  }
  const auto conv1 = [&](const VadLayer& layer, int from, int to) {
    product(ops_, layer, windows, block.magnitudes[0][from], kFrames * W::kBins, block.conv1[0][to],
            kFrames * W::kConv1);
  };
  conv1(weights_.conv1.first, 0, 0);
  conv1(weights_.conv1.middle, 0, 1);
  conv1(weights_.conv1.middle, 1, 2);
  conv1(weights_.conv1.last, 2, 3);
  product(ops_, weights_.conv2_first, windows, block.conv1[0][0], kFrames * W::kConv1,
          block.conv2[0][0], 2 * W::kConv2);
  product(ops_, weights_.conv2_last, windows, block.conv1[0][1], kFrames * W::kConv1,
          block.conv2[0][1], 2 * W::kConv2);
  product(ops_, weights_.conv3, windows, block.conv2[0][0], 2 * W::kConv2, block.conv3[0],
          W::kConv3);
  product(ops_, weights_.conv4, windows, block.conv3[0], W::kConv3, block.conv4[0], W::kConv4);
  product(ops_, weights_.input_gates, windows, block.conv4[0], W::kConv4, block.gates[0], kGates,
          Activation::none);
}

// One step of the LSTM and the output; the gates are as VadWeights says.
float Vad::step(State& state, const float* input_gates) const {
  float gates[kGates];
  Dense a;
  a.w = weights_.state_gates.weights;
  a.x = state.hidden.data();
  a.x_stride = sizeof state.hidden;
  a.add = input_gates;
  a.y = gates;
  a.row_end = 1;
  a.panel_end = dense_panels(kGates);
  ops_.dense(a);
  ops_.exp({gates, gates, kGates});
  for (float& gate : gates) gate = 1 / (1 + gate);
  const float *in = gates, *keep = in + W::kState, *cell = keep + W::kState,
              *out = cell + W::kState;
  float turned[W::kState];
  for (std::size_t i = 0; i < W::kState; ++i) {
    state.cell[i] = keep[i] * state.cell[i] + in[i] * (2 * cell[i] - 1);
    turned[i] = -2 * state.cell[i];
  }
  ops_.exp({turned, turned, W::kState});
  float sum = weights_.output_bias;
  for (std::size_t i = 0; i < W::kState; ++i) state.hidden[i] = out[i] * (2 / (1 + turned[i]) - 1);
  for (std::size_t i = 0; i < W::kState; ++i)
    sum += weights_.output[i] * std::max(state.hidden[i], 0.0f);
  return 1 / (1 + std::exp(-sum));
}

void Vad::run(State& state, std::span<const float> samples,
              std::vector<float>& probabilities) const {
  const auto block = std::make_unique_for_overwrite<Block>();
  while (samples.size() >= kVadWindow) {
    const int windows = int(std::min(samples.size() / kVadWindow, std::size_t{kBlock}));
    for (int w = 0; w < windows; ++w) {
      float* sound = block->sound[w];
      std::copy(state.context.begin(), state.context.end(), sound);
      std::copy_n(samples.begin() + w * kVadWindow, kVadWindow, sound + kContext);
      const float* end = sound + kContext + kVadWindow;
      std::copy_n(end - kContext, kContext, state.context.begin());
      for (int i = 0; i < kContext; ++i) sound[kContext + kVadWindow + i] = end[-2 - i];
    }
    encode(*block, windows);
    for (int w = 0; w < windows; ++w) probabilities.push_back(step(state, block->gates[w]));
    samples = samples.subspan(std::size_t(windows) * kVadWindow);
  }
}

}  // namespace serval::whisper
