#include "plugins/whisper/audio/resampler.h"

#include <algorithm>
#include <soxr.h>
#include <string>

#include "plugins/whisper/audio/log_mel.h"

namespace serval::whisper {

void Resampler::Delete::operator()(struct soxr* handle) const { soxr_delete(handle); }

Result<Resampler> Resampler::open(int rate) {
  Resampler resampler;
  if (rate == kSampleRate) return resampler;
  soxr_error_t failure = nullptr;
  const soxr_io_spec_t types = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  resampler.handle_.reset(soxr_create(rate, kSampleRate, 1, &failure, &types, &quality, &runtime));
  if (failure != nullptr || resampler.handle_ == nullptr)
    return error(Code::internal, "soxr cannot resample " + std::to_string(rate) + " Hz to " +
                                     std::to_string(kSampleRate) + " Hz" +
                                     (failure != nullptr ? std::string(": ") + failure : ""));
  return resampler;
}

Resampler::Moved Resampler::run(std::span<const float> in, std::span<float> out) {
  Moved moved;
  if (handle_ == nullptr) {
    moved.taken = moved.given = std::min(in.size(), out.size());
    std::copy_n(in.begin(), moved.taken, out.begin());
  } else if (!in.empty()) {  // no input at all would mean its end
    const soxr_error_t failure = soxr_process(handle_.get(), in.data(), in.size(), &moved.taken,
                                              out.data(), out.size(), &moved.given);
    if (failure != nullptr) moved = {in.size(), 0};  // out of memory: nothing would ever move
  }
  return moved;
}

std::size_t Resampler::drain(std::span<float> out) {
  std::size_t given = 0;
  if (handle_ != nullptr)
    soxr_process(handle_.get(), nullptr, 0, nullptr, out.data(), out.size(), &given);
  return given;
}

}  // namespace serval::whisper
