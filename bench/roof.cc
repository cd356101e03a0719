// What this machine can do at most: bytes read from memory a second and multiply-adds a second in
// 8 bits, bf16 (where it has them) and f32, with THREADS threads. A share of the roof says how far
// a figure is from the hardware.
//   roof THREADS  ->  "read_bytes_s X", "int8_mac_s X", "bf16_mac_s X" (or none), "f32_mac_s X":
//                     the best of several tries
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <immintrin.h>
#include <thread>
#include <vector>

namespace {

template <class Work>
double seconds_of(int threads, Work work) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) pool.emplace_back(work, t);
  for (std::thread& thread : pool) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Sums n 64-bit words; n is a multiple of 16.
__attribute__((target("avx2"))) uint64_t sum_words(const uint64_t* words, std::size_t n) {
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < n; i += 16) {
    const auto* p = reinterpret_cast<const __m256i*>(words + i);
    a = _mm256_add_epi64(a, _mm256_loadu_si256(p));
    b = _mm256_add_epi64(b, _mm256_loadu_si256(p + 1));
    c = _mm256_add_epi64(c, _mm256_loadu_si256(p + 2));
    d = _mm256_add_epi64(d, _mm256_loadu_si256(p + 3));
  }
  uint64_t lanes[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes),
                      _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d)));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

constexpr int kChains = 12;  // more than latency times units, so that no unit waits
constexpr int kRounds = 4'000'000;

// 64 multiply-adds an instruction. Named variables: an array would live in memory, not in
// registers.
__attribute__((target("avx512f,avx512vnni"))) uint64_t mac_vnni() {
  static_assert(kChains == 12);
  const __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(5);
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a, e = a, f = a;
  __m512i g = a, h = a, i = a, j = a, k = a, l = a;
  for (int round = 0; round < kRounds; ++round) {
    a = _mm512_dpbusd_epi32(a, x, y);
    b = _mm512_dpbusd_epi32(b, x, y);
    c = _mm512_dpbusd_epi32(c, x, y);
    d = _mm512_dpbusd_epi32(d, x, y);
    e = _mm512_dpbusd_epi32(e, x, y);
    f = _mm512_dpbusd_epi32(f, x, y);
    g = _mm512_dpbusd_epi32(g, x, y);
    h = _mm512_dpbusd_epi32(h, x, y);
    i = _mm512_dpbusd_epi32(i, x, y);
    j = _mm512_dpbusd_epi32(j, x, y);
    k = _mm512_dpbusd_epi32(k, x, y);
    l = _mm512_dpbusd_epi32(l, x, y);
    asm volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));  // keep every one
    asm volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
  }
  uint64_t all = 0;
  for (const __m512i& sum : {a, b, c, d, e, f, g, h, i, j, k, l}) {
    int lanes[16];
    _mm512_storeu_si512(lanes, sum);
    all += uint64_t(lanes[0]);
  }
  return all;
}

__attribute__((target("avx2"))) uint64_t mac_avx2() {
  __m256i sums[kChains], x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      __m256i product;  // of the intrinsics GCC makes all products first and spills the sums
      asm volatile(
          "vpmaddubsw %2, %3, %1\n\t"
          "vpmaddwd %4, %1, %1\n\t"
          "vpaddd %1, %0, %0"
          : "+x"(sums[c]), "=&x"(product)
          : "x"(x), "x"(y), "x"(ones));
    }
  }
  uint64_t all = 0;
  for (__m256i& sum : sums) all += uint64_t(_mm256_extract_epi32(sum, 0));
  return all;
}

// 32 multiply-adds an instruction.
__attribute__((target("avx512f,avx512bf16"))) uint64_t mac_bf16() {
  __m512 sums[kChains];
  __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80), y = (__m512bh)_mm512_set1_epi16(0);
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm volatile("" : "+v"(x));  // keep every product
      sums[c] = _mm512_dpbf16_ps(sums[c], x, y);
    }
  }
  float all = 0;
  for (const __m512& sum : sums) all += _mm512_cvtss_f32(sum);
  return uint64_t(all);
}

// 16 multiply-adds an instruction.
__attribute__((target("avx512f"))) uint64_t mac_f32_avx512() {
  __m512 sums[kChains], x = _mm512_set1_ps(1), y = _mm512_setzero_ps();
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm volatile("" : "+v"(x));  // keep every product
      sums[c] = _mm512_fmadd_ps(x, y, sums[c]);
    }
  }
  float all = 0;
  for (const __m512& sum : sums) all += _mm512_cvtss_f32(sum);
  return uint64_t(all);
}

// 8 multiply-adds an instruction.
__attribute__((target("avx2,fma"))) uint64_t mac_f32_avx2() {
  __m256 sums[kChains], x = _mm256_set1_ps(1), y = _mm256_setzero_ps();
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm volatile("" : "+x"(x));  // keep every product
      sums[c] = _mm256_fmadd_ps(x, y, sums[c]);
    }
  }
  float all = 0;
  for (const __m256& sum : sums) all += _mm256_cvtss_f32(sum);
  return uint64_t(all);
}

volatile uint64_t sink;

// kChains instructions a round, of so many multiply-adds each.
struct Kind {
  const char* name;
  uint64_t (*run)();
  int macs;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  if (__builtin_cpu_supports("avx512vnni"))
    all.push_back({"int8", mac_vnni, 64});
  else
    all.push_back({"int8", mac_avx2, 32});
  if (__builtin_cpu_supports("avx512bf16")) all.push_back({"bf16", mac_bf16, 32});
  if (__builtin_cpu_supports("avx512f"))
    all.push_back({"f32", mac_f32_avx512, 16});
  else
    all.push_back({"f32", mac_f32_avx2, 8});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  if (threads < 1 || threads > 1024) {
    std::fprintf(stderr, "usage: roof THREADS\n");
    return 2;
  }
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    std::fprintf(stderr, "roof: this processor has no AVX2 with FMA\n");
    return 1;
  }
  const std::size_t words = std::size_t{256} << 17;  // 256 MiB a thread: far above any cache
  std::vector<std::vector<uint64_t>> memory(threads, std::vector<uint64_t>(words, 1));
  const std::vector<Kind> macs = kinds();
  double read = 1e9;
  std::vector<double> mac(macs.size(), 1e9);
  for (int attempt = 0; attempt < 5; ++attempt) {
    read = std::min(read,
                    seconds_of(threads, [&](int t) { sink = sum_words(memory[t].data(), words); }));
    for (std::size_t i = 0; i < macs.size(); ++i)
      mac[i] = std::min(mac[i], seconds_of(threads, [&](int) { sink = macs[i].run(); }));
  }
  std::printf("read_bytes_s %.4g\n", threads * words * 8.0 / read);
  for (std::size_t i = 0; i < macs.size(); ++i)
    std::printf("%s_mac_s %.4g\n", macs[i].name,
                threads * double(kChains) * kRounds * macs[i].macs / mac[i]);
}
