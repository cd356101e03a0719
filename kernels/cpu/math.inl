// e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln(2)/2 and the Taylor series to r^7 leaves
// 5e-9 relative. ln 2 is split in two: its first part has 10 bits, so n times it is exact.
// Below -87.33 the result is 0 (2^n would be subnormal); above 88.37 n would be 128: infinity.
Vec exp(Vec x) {
  const Vec magic = Vec::set(0x1.8p23f);  // adding it rounds to an integer in the low bits
  const Vec biased = fma(x, Vec::set(0x1.715476p0f), magic);
  const Vec n = biased - magic;
  Vec r = fma(n, Vec::set(-0x1.63p-1f), x);
  r = fma(n, Vec::set(0x1.bd0106p-13f), r);
  Vec p = Vec::set(1.0f / 5040);
  p = fma(p, r, Vec::set(1.0f / 720));
  p = fma(p, r, Vec::set(1.0f / 120));
  p = fma(p, r, Vec::set(1.0f / 24));
  p = fma(p, r, Vec::set(1.0f / 6));
  p = fma(p, r, Vec::set(0.5f));
  p = fma(p, r, Vec::set(1.0f));
  p = fma(p, r, Vec::set(1.0f));
  const Vec y = p * pow2_of_biased(biased);
  const Vec low = select_less(x, Vec::set(-87.33f), Vec::zero(), y);
  return select_less(Vec::set(88.37f), x, Vec::set(__builtin_inff()), low);
}

#if !defined(__AVX512F__)  // vec_avx512.inl has instructions for all of these
Vec round_even(Vec x) {    // |x| < 2^22
  const Vec magic = Vec::set(0x1.8p23f);
  return (x + magic) - magic;
}
// p 2^n for a whole n < 128; 0 for n < -126.
Vec times_pow2(Vec p, Vec n) {
  const Vec y = p * pow2_of_biased(n + Vec::set(0x1.8p23f));
  return select_less(n, Vec::set(-126.0f), Vec::zero(), y);
}
void store_brain(Vec first, Vec second, uint16_t* p) {
  first.store_brain(p);
  second.store_brain(p + Vec::width);
}
void store_brain_pairs(Vec first, Vec second, uint32_t* p) {
  alignas(64) uint16_t low[Vec::width], high[Vec::width];
  first.store_brain(low);
  second.store_brain(high);
  for (int i = 0; i < Vec::width; ++i) p[i] = low[i] | uint32_t(high[i]) << 16;
}
// x less a whole number that leaves 0 to 1, and p times the power of two of that number.
Vec above_floor(Vec x) { return x - round_even(x - Vec::set(0.5f)); }
Vec times_pow2_floor(Vec p, Vec x) { return times_pow2(p, round_even(x - Vec::set(0.5f))); }
#endif

// 2^x for x <= 0, which is 0 or subnormal below -126: Taylor to r^6 with |r| <= 1/2, 1.2e-7
// relative.
Vec exp2_below(Vec x) {
  const Vec n = round_even(x), r = x - n;
  Vec p = Vec::set(1.54035304e-4f);
  p = fma(p, r, Vec::set(1.33335581e-3f));
  p = fma(p, r, Vec::set(9.61812911e-3f));
  p = fma(p, r, Vec::set(5.55041087e-2f));
  p = fma(p, r, Vec::set(2.40226507e-1f));
  p = fma(p, r, Vec::set(6.93147181e-1f));
  p = fma(p, r, Vec::set(1.0f));
  return times_pow2(p, n);
}

// The same for a result that is rounded to bf16 (2^-9): the cubic of least relative error, 7.5e-5.
Vec exp2_below_coarse(Vec x) {
  const Vec r = above_floor(x);
  Vec p = Vec::set(0.07801753f);
  p = fma(p, r, Vec::set(0.22607556f));
  p = fma(p, r, Vec::set(0.69583111f));
  p = fma(p, r, Vec::set(0.99992533f));
  return times_pow2_floor(p, x);
}
