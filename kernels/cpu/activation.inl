// The activations of dense layers, each a function of one vector.
Vec identity(Vec x) { return x; }
Vec relu(Vec x) { return select_less(Vec::zero(), x, x, Vec::zero()); }

Vec tanh(Vec x) {  // as soft_cap
  const Vec one = Vec::set(1.0f), two = Vec::set(2.0f);
  return one - two / (exp(x + x) + one);
}

// x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - t P(X > t) with t = |x| and X standard normal. The last
// product is 6e-7 at t = 5.5 and falls from there; up to there it is a polynomial in t / 2.75 - 1,
// fitted at Chebyshev's points. Absolute error 7e-7.
constexpr float kGeluTail[] = {0.0361366868f, -0.0394180864f, -0.154876232f, 0.235338598f,
                               0.185879469f,  -0.547519565f,  0.191852495f,  0.460615009f,
                               -0.638624012f, 0.260225564f,   0.180235222f,  -0.30866304f,
                               0.191202059f,  -0.060578458f,  0.0081948489f};

Vec gelu_erf(Vec x) {
  const Vec end = Vec::set(5.5f), size = abs(x);
  const Vec t = select_less(size, end, size, end);
  const Vec s = fma(t, Vec::set(1 / 2.75f), Vec::set(-1.0f));
  Vec p = Vec::set(kGeluTail[0]);
#pragma GCC unroll 16
  for (int i = 1; i < 15; ++i) p = fma(p, s, Vec::set(kGeluTail[i]));
  return relu(x) - p;
}
