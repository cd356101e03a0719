// Samples as a client of live audio sends them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace serval::whisper {

// 16 bits, little-endian.
inline std::string pcm_bytes(std::span<const float> samples) {
  std::string bytes;
  for (const float sample : samples) {
    const auto value = int16_t(sample * 32767);
    bytes += char(value & 255);
    bytes += char(value >> 8);
  }
  return bytes;
}

}  // namespace serval::whisper
