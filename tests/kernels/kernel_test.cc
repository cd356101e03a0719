#include "tests/kernels/kernel_test.h"

#include <cmath>
#include <cstdlib>

#include "kernels/float16.h"

namespace serval {
namespace {

constexpr int kGuardWords = 24;
constexpr WeightType kAllTypes[] = {
    WeightType::f32,  WeightType::f16,  WeightType::bf16, WeightType::q4_0,
    WeightType::q4_1, WeightType::q5_0, WeightType::q5_1, WeightType::q8_0,
    WeightType::q4_k, WeightType::q5_k, WeightType::q6_k,
};

void put_random_half(uint8_t* at, float limit, std::mt19937& rng) {
  const uint16_t bits = f32_to_f16(std::uniform_real_distribution<float>(-limit, limit)(rng));
  std::memcpy(at, &bits, 2);
}

}  // namespace

std::vector<const Ops*> tables_under_test() {
  const char* forced = std::getenv("SERVAL_FORCE_OPS");
  std::vector<const Ops*> tables;
  for (const Ops* ops : all_ops())
    if (ops->usable() && (forced == nullptr || std::string(forced) == ops->name))
      tables.push_back(ops);
  return tables;
}

const Ops& reference_ops() { return *all_ops().front(); }

Guarded::Guarded(std::size_t n, int offset) : memory_(n + 2 * kGuardWords + 32, kGuard), n_(n) {
  data_ = memory_.data() + kGuardWords;
  while (reinterpret_cast<std::uintptr_t>(data_) % 64 != 0) ++data_;
  data_ += offset;
}

bool Guarded::intact() const {
  for (const float& word : memory_)
    if ((&word < data_ || &word >= data_ + n_) && word != kGuard) return false;
  return true;
}

Aligned::Aligned(std::size_t bytes) : memory_(new unsigned char[bytes + 64]), bytes_(bytes) {
  data_ = memory_.get();
  std::size_t space = bytes + 64;
  std::align(64, bytes, data_, space);
}

std::vector<float> random_floats(std::size_t n, std::mt19937& rng, float spread) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

std::span<const WeightType> all_weight_types() { return kAllTypes; }

int64_t column_step(WeightType type) { return block_info(type).elements; }

std::vector<uint8_t> random_tensor(WeightType type, int64_t rows, int64_t cols, std::mt19937& rng) {
  std::vector<uint8_t> bytes(std::size_t(rows) * row_bytes(type, cols));
  if (is_float_form(packed_form(type))) {
    const std::vector<float> x = random_floats(std::size_t(rows * cols), rng);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const uint32_t bits = float_to_bits(x[i]);
      const uint16_t half = type == WeightType::f16 ? f32_to_f16(x[i]) : uint16_t(bits >> 16);
      if (type == WeightType::f32)
        std::memcpy(&bytes[i * 4], &bits, 4);
      else
        std::memcpy(&bytes[i * 2], &half, 2);
    }
    return bytes;
  }
  for (uint8_t& byte : bytes) byte = uint8_t(rng());
  const std::size_t block = std::size_t(block_info(type).bytes);
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    uint8_t* p = &bytes[at];
    switch (type) {
      case WeightType::q4_1:
      case WeightType::q5_1:
        put_random_half(p + 2, 0.5f, rng);
        [[fallthrough]];
      case WeightType::q4_0:
      case WeightType::q5_0:
        put_random_half(p, 0.05f, rng);
        break;
      case WeightType::q8_0:
        put_random_half(p, 0.01f, rng);
        break;
      case WeightType::q4_k:
      case WeightType::q5_k:
        put_random_half(p, 0.002f, rng);
        put_random_half(p + 2, 0.01f, rng);
        break;
      default:
        put_random_half(p + 208, 0.0005f, rng);
    }
  }
  return bytes;
}

double relative_power(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double error = 0, power = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    power += double(b[i]) * b[i];
  }
  return error / power;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace serval
