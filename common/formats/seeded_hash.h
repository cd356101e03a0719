// Hashes for tables whose keys come from files or requests. Seeded once a process, so that nobody
// can prepare keys that collide.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace serval {

inline uint64_t hash_seed() {
  static const uint64_t seed = uint64_t{std::random_device{}()} << 32 | std::random_device{}() | 1;
  return seed;
}

// Both halves of a 64 x 64 bit product, folded: each bit of either factor reaches the result.
inline uint64_t fold_multiply(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

inline uint64_t seeded_hash(uint64_t key, uint64_t seed) {
  return fold_multiply(key ^ seed, 0x9E3779B97F4A7C15 ^ (seed << 1));
}

inline uint64_t seeded_hash(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed ^ bytes.size();
  while (bytes.size() >= 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes.data(), 8);
    hash = seeded_hash(eight ^ hash, seed);
    bytes.remove_prefix(8);
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  return seeded_hash(rest ^ hash, seed);
}

}  // namespace serval
