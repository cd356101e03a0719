// Four floats side by side, each of another frame. A compiler vector: SSE2 on any x86-64, so the
// numbers are the same on every machine.
#pragma once

namespace serval::whisper {

typedef float Lanes __attribute__((vector_size(16)));
inline constexpr int kLanes = 4;

}  // namespace serval::whisper
