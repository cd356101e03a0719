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

// 2^x for x <= 0, 0 below -126: Taylor to r^6 with |r| <= 1/2, 1.2e-7 relative.
Vec exp2_below(Vec x) {
  const Vec magic = Vec::set(0x1.8p23f);
  const Vec biased = x + magic;
  const Vec r = x - (biased - magic);
  Vec p = Vec::set(1.54035304e-4f);
  p = fma(p, r, Vec::set(1.33335581e-3f));
  p = fma(p, r, Vec::set(9.61812911e-3f));
  p = fma(p, r, Vec::set(5.55041087e-2f));
  p = fma(p, r, Vec::set(2.40226507e-1f));
  p = fma(p, r, Vec::set(6.93147181e-1f));
  p = fma(p, r, Vec::set(1.0f));
  return select_less(x, Vec::set(-126.0f), Vec::zero(), p * pow2_of_biased(biased));
}
