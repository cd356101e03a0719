#include "common/philox.h"

#include <array>

namespace serval {

double philox_uniform(uint64_t seed, uint32_t stream, uint64_t counter) {
  // Constants from the paper.
  std::array<uint32_t, 4> c{uint32_t(counter), uint32_t(counter >> 32), stream, 0};
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    c = {uint32_t(b >> 32) ^ c[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ k1, uint32_t(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  const uint64_t bits = (uint64_t(c[0]) << 32 | c[1]) >> 11;
  return double(bits) * 0x1p-53;
}

}  // namespace serval
