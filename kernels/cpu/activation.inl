// The activations of dense layers, each a function of one vector.
Vec identity(Vec x) { return x; }
Vec relu(Vec x) { return greater(Vec::zero(), x); }  // NaN stays NaN

Vec tanh(Vec x) {  // as soft_cap
  const Vec one = Vec::set(1.0f), two = Vec::set(2.0f);
  return one - two / (exp(x + x) + one);
}

// x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - t P(X > t) with t = |x| and X standard normal. The last
// product is 1e-7 at t = 5.5 and falls from there; up to there it is a polynomial in t / 2.75 - 1,
// fitted at Chebyshev's points, highest power first. Absolute error 2e-7.
constexpr float kGeluEnd = 5.5f;
constexpr int kGeluTerms = 17;
constexpr float kGeluTail[kGeluTerms] = {
    -0.0156969205f, -0.000522047339f, 0.0989243686f, -0.0374604091f, -0.256906211f, 0.232402071f,
    0.272212535f,   -0.545276403f,    0.151383862f,  0.459697336f,   -0.628322899f, 0.260418266f,
    0.178947583f,   -0.308680892f,    0.191263378f,  -0.0605779812f, 0.0081943702f};

#if defined(__AVX512F__)
// The same tail as 32 cubics, which permutations pick: half the operations. Piece n stands at
// t = n / kGeluPieces and is a cubic in r = kGeluPieces t - n, -1/2 <= r <= 1/2: the Taylor terms
// of the polynomial above, where r^4 / 4! is replaced by the quadratic nearest to it (Chebyshev:
// r^4 ~ r^2 / 4 - 1/128). Absolute error 6e-7.
constexpr float kGeluPieces = 31 / kGeluEnd;

struct GeluTable {
  alignas(64) float term[4][32];
};

constexpr GeluTable make_gelu_table() {
  GeluTable table{};
  for (int n = 0; n < 32; ++n) {
    // Horner's scheme, repeated: row j ends as the Taylor term j about s.
    const double s = n / double(kGeluPieces) / 2.75 - 1, width = 1 / double(kGeluPieces) / 2.75;
    double p[kGeluTerms] = {};
    for (int i = 0; i < kGeluTerms; ++i) p[i] = double(kGeluTail[i]);
    double taylor[5] = {}, scale = 1;
    for (int j = 0; j < 5; ++j, scale *= width) {
      for (int i = 1; i < kGeluTerms - j; ++i) p[i] += p[i - 1] * s;
      taylor[j] = p[kGeluTerms - 1 - j] * scale;
    }
    table.term[0][n] = float(taylor[0] - taylor[4] / 128);
    table.term[1][n] = float(taylor[1]);
    table.term[2][n] = float(taylor[2] + taylor[4] / 4);
    table.term[3][n] = float(taylor[3]);
  }
  return table;
}
constexpr GeluTable kGeluTable = make_gelu_table();

Vec gelu_erf(Vec x) {
  const Vec magic = Vec::set(0x1.8p23f), pieces = Vec::set(kGeluPieces);
  const Vec t = lesser(abs(x), Vec::set(kGeluEnd));
  const Vec biased = fma(t, pieces, magic);  // the piece stands in its low bits
  const Vec r = fma(t, pieces, magic - biased);
  const auto term = [&](int i) {
    const float* row = kGeluTable.term[i];
    return Vec{_mm512_permutex2var_ps(_mm512_load_ps(row), _mm512_castps_si512(biased.v),
                                      _mm512_load_ps(row + 16))};
  };
  const Vec tail = fma(fma(fma(term(3), r, term(2)), r, term(1)), r, term(0));
  return relu(x) - tail;
}
#else
Vec gelu_erf(Vec x) {
  const Vec t = lesser(abs(x), Vec::set(kGeluEnd));
  const Vec s = fma(t, Vec::set(2 / kGeluEnd), Vec::set(-1.0f));
  // Even and odd powers apart: two chains of half the length.
  const Vec s2 = s * s;
  Vec even = Vec::set(kGeluTail[0]), odd = Vec::set(kGeluTail[1]);
#pragma GCC unroll 17
  for (int i = 2; i < kGeluTerms; i += 2) even = fma(even, s2, Vec::set(kGeluTail[i]));
#pragma GCC unroll 17
  for (int i = 3; i < kGeluTerms; i += 2) odd = fma(odd, s2, Vec::set(kGeluTail[i]));
  return relu(x) - fma(odd, s, even);
}
#endif
