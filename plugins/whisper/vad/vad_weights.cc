#include "plugins/whisper/vad/vad_weights.h"

#include <cmath>
#include <cstring>

#include "common/formats/safetensors.h"
#include "kernels/dense_pack.h"

namespace serval::whisper {
namespace {

using Floats = std::vector<float>;

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (const uint64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

// Reads tensors by name; the first that is not as wanted is the error of all.
class TensorReader {
 public:
  TensorReader(const std::string& path, const SafetensorsFile& file) : path_(path), file_(file) {}

  // All zeros if the tensor is not as wanted.
  Floats read(const std::string& name, const std::vector<uint64_t>& shape) {
    std::size_t count = 1;
    for (const uint64_t side : shape) count *= std::size_t(side);
    Floats values(count);
    for (const Safetensor& tensor : file_.tensors()) {
      if (tensor.name != name) continue;
      if (tensor.shape != shape || tensor.type != SafetensorsType::f32)
        fail("tensor " + name + " is " + std::string(safetensors_type_info(tensor.type).name) +
             " " + shape_text(tensor.shape) + ", want F32 " + shape_text(shape));
      else
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
      for (const float value : values)
        if (!std::isfinite(value)) fail("tensor " + name + " has a value that is no number");
      return values;
    }
    fail("there is no tensor " + name);
    return values;
  }
  const Status& status() const { return status_; }

 private:
  void fail(const std::string& why) {
    if (status_) status_ = error(Code::data_loss, path_ + ": " + why);
  }

  std::string path_;
  const SafetensorsFile& file_;
  Status status_;
};

// Taps [begin, end) of a convolution's weights [out, in, 3], as rows of (end - begin) * in: the
// frames they are for lie end to end.
Floats taps(const Floats& weights, int out, int in, int begin, int end) {
  Floats rows;
  for (int o = 0; o < out; ++o)
    for (int tap = begin; tap < end; ++tap)
      for (int i = 0; i < in; ++i) rows.push_back(weights[std::size_t((o * in + i) * 3 + tap)]);
  return rows;
}

// Gates are i, f, g, o, kState rows each: as VadWeights says.
void turn_gates(Floats& rows) {
  const std::size_t gate = rows.size() / 4;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] *= i / gate == 2 ? -2.0f : -1.0f;
}

}  // namespace

// Packs rows one after the other into one block of memory.
class VadPacker {
 public:
  static constexpr std::size_t kBytes = 4 << 20;  // more than the shapes come to

  explicit VadPacker(VadWeights& out) : out_(out) {}

  Status allocate() {
    Result<AlignedMemory> memory = AlignedMemory::allocate(kBytes);
    if (!memory) return memory.error();
    out_.packed_ = std::move(*memory);
    return {};
  }

  // rows: [n, rows.size() / n]
  VadLayer layer(const Floats& rows, int64_t n, const Floats& bias) {
    const int64_t k = int64_t(rows.size()) / n;
    std::byte* to = out_.packed_.data() + used_;
    used_ += dense_packed_bytes(DenseType::f32, n, k);
    pack_dense({DenseType::f32, false, false, rows.data(), k, n, k, 0, dense_panels(n), to});
    VadLayer layer{dense_weights(DenseType::f32, n, k, false, to), nullptr};
    if (!bias.empty()) layer.bias = out_.biases_.emplace_back(bias).data();
    return layer;
  }

 private:
  VadWeights& out_;
  std::size_t used_ = 0;
};

Result<VadWeights> VadWeights::load(const std::string& path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  Result<SafetensorsFile> directory = SafetensorsFile::read(path, file->bytes());
  if (!directory) return directory.error();
  TensorReader read(path, *directory);
  VadWeights out;
  VadPacker pack(out);
  if (Status status = pack.allocate(); !status) return status.error();

  out.fourier = pack.layer(read.read("stft_conv.weight", {2 * kBins, 1, kFourier}), 2 * kBins, {});

  const Floats conv1 = read.read("conv1.weight", {kConv1, kBins, 3});
  const Floats bias1 = read.read("conv1.bias", {kConv1});
  out.conv1.first = pack.layer(taps(conv1, kConv1, kBins, 1, 3), kConv1, bias1);
  out.conv1.middle = pack.layer(taps(conv1, kConv1, kBins, 0, 3), kConv1, bias1);
  out.conv1.last = pack.layer(taps(conv1, kConv1, kBins, 0, 2), kConv1, bias1);

  const Floats conv2 = read.read("conv2.weight", {kConv2, kConv1, 3});
  const Floats bias2 = read.read("conv2.bias", {kConv2});
  out.conv2_first = pack.layer(taps(conv2, kConv2, kConv1, 1, 3), kConv2, bias2);
  out.conv2_last = pack.layer(taps(conv2, kConv2, kConv1, 0, 3), kConv2, bias2);

  const Floats conv3 = read.read("conv3.weight", {kConv3, kConv2, 3});
  out.conv3 =
      pack.layer(taps(conv3, kConv3, kConv2, 1, 3), kConv3, read.read("conv3.bias", {kConv3}));
  const Floats conv4 = read.read("conv4.weight", {kConv4, kConv3, 3});
  out.conv4 =
      pack.layer(taps(conv4, kConv4, kConv3, 1, 2), kConv4, read.read("conv4.bias", {kConv4}));

  constexpr int kGates = 4 * kState;
  Floats input = read.read("lstm_cell.weight_ih", {kGates, kConv4});
  Floats state = read.read("lstm_cell.weight_hh", {kGates, kState});
  Floats bias = read.read("lstm_cell.bias_ih", {kGates});
  const Floats bias_state = read.read("lstm_cell.bias_hh", {kGates});
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += bias_state[i];
  for (Floats* rows : {&input, &state, &bias}) turn_gates(*rows);
  out.input_gates = pack.layer(input, kGates, bias);
  out.state_gates = pack.layer(state, kGates, {});

  out.output = read.read("final_conv.weight", {1, kState, 1});
  out.output_bias = read.read("final_conv.bias", {1})[0];
  if (!read.status()) return read.status().error();
  return out;
}

}  // namespace serval::whisper
