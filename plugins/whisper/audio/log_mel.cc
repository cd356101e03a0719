#include "plugins/whisper/audio/log_mel.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "plugins/whisper/audio/power_spectrum.h"

namespace serval::whisper {
namespace {

typedef int32_t IntLanes __attribute__((vector_size(16)));

constexpr float kFloor = 1e-10f, kLogFloor = -10, kDynamicRange = 8;

// x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1), whose
// series to s^9 leaves 1e-9. x is normal and positive.
Lanes log10(Lanes x) {
  const IntLanes bits = (IntLanes)x;
  const IntLanes e = (bits - 0x3f3504f3) >> 23;  // 0x3f3504f3: sqrt(1/2)
  const Lanes m = (Lanes)(bits - (e << 23));
  const Lanes s = (m - 1.0f) / (m + 1.0f), square = s * s;
  Lanes series = square * (1.0f / 9) + 1.0f / 7;
  series = series * square + 1.0f / 5;
  series = series * square + 1.0f / 3;
  series = series * square + 1.0f;
  return __builtin_convertvector(e, Lanes) * 0.301029996f + s * series * 0.868588964f;
}

// The samples of a window with what lies around them.
class Padded {
 public:
  explicit Padded(std::span<const float> samples) : samples_(samples), size_(int(samples.size())) {}

  float at(int i) const {
    if (i < 0) i = -i;
    if (i >= kMaxSamples) i = 2 * (kMaxSamples - 1) - i;
    return i < size_ ? samples_[std::size_t(i)] : 0;
  }
  // Whether samples [begin, begin + kWindow) are all inside.
  const float* inside(int begin) const {
    return begin >= 0 && begin + kWindow <= size_ ? samples_.data() + begin : nullptr;
  }

 private:
  std::span<const float> samples_;
  int size_;
};

void load_frame(const Padded& samples, int frame, int lane, Lanes (&x)[kWindow]) {
  const int begin = frame * kHop - kWindow / 2;
  if (const float* p = samples.inside(begin))
    for (int i = 0; i < kWindow; ++i) x[i][lane] = p[i];
  else
    for (int i = 0; i < kWindow; ++i) x[i][lane] = samples.at(begin + i);
}

}  // namespace

LogMel::LogMel(int mels) : filters_(mel_filters(mels)) {
  for (int i = 0; i < kWindow; ++i)
    hann_.push_back(float(0.5 - 0.5 * std::cos(2 * M_PI * i / kWindow)));
}

void LogMel::run(std::span<const float> samples, int frames, float* out) const {
  const Padded padded(samples.first(std::min<std::size_t>(samples.size(), kMaxSamples)));
  // Frames from here on see no sample at all, unless the mirror at 30 s shows them some.
  const int heard = samples.size() > kMaxSamples - kWindow
                        ? frames
                        : std::min(frames, (int(samples.size()) + kWindow / 2 - 1) / kHop + 1);
  Lanes peaks = Lanes{} + kLogFloor;
  for (int begin = 0; begin < heard; begin += kLanes) {
    const int count = std::min(kLanes, heard - begin);
    Lanes x[kWindow] = {}, power[kBins];
    for (int lane = 0; lane < count; ++lane) load_frame(padded, begin + lane, lane, x);
    for (int i = 0; i < kWindow; ++i) x[i] *= hann_[std::size_t(i)];
    power_spectrum(x, power);
    for (int m = 0; m < mels(); ++m) {
      const MelFilter& filter = filters_[std::size_t(m)];
      Lanes sum = {};
      for (std::size_t i = 0; i < filter.weights.size(); ++i)
        sum += power[std::size_t(filter.first_bin) + i] * filter.weights[i];
      const Lanes log = sum > kFloor ? log10(sum) : Lanes{} + kLogFloor;
      peaks = log > peaks ? log : peaks;
      for (int lane = 0; lane < count; ++lane) out[(begin + lane) * mels() + m] = log[lane];
    }
  }
  std::fill(out + heard * mels(), out + frames * mels(), kLogFloor);
  const float peak = std::max(std::max(peaks[0], peaks[1]), std::max(peaks[2], peaks[3]));
  const float least = peak - kDynamicRange;
  for (int i = 0; i < frames * mels(); ++i) out[i] = (std::max(out[i], least) + 4) * 0.25f;
}

}  // namespace serval::whisper
