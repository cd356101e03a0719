#include "plugins/whisper/audio/power_spectrum.h"

#include <cmath>

namespace serval::whisper {
namespace {

// 400 = 16 * 25 (Cooley and Tukey 1965), n = 16 n2 + n1 and k = k2 + 25 k1:
//   Z[n1][k2] = sum over n2 of x[16 n2 + n1] w25^(n2 k2)            16 DFTs of 25 real numbers
//   X[k] = sum over n1 of (Z[n1][k2] w400^(n1 k2)) w16^(n1 k1)      13 DFTs of 16 complex ones
// with wN = exp(-2 pi i / N). The samples are real, so k2 = 0..12 suffice: the bins k they miss are
// the conjugates of bins 400 - k that they have.
constexpr int kRows = 16, kColumns = 25, kHalf = kColumns / 2 + 1;

struct Complex {
  Lanes re, im;
};
Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
Complex conjugate(Complex a) { return {a.re, -a.im}; }
Complex times_minus_i(Complex a) { return {a.im, -a.re}; }

struct Factor {
  float re, im;
};
Complex operator*(Complex a, Factor w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}

struct Factors {
  Factor w400[kRows][kHalf];  // w400^(n1 k2)
  Factor w25[5][3];           // w25^(q r)
  Factor w16[4][4];           // w16^(b c)

  Factors() {
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kHalf; ++j) w400[i][j] = root(i * j, 400);
    for (int i = 0; i < 5; ++i)
      for (int j = 0; j < 3; ++j) w25[i][j] = root(i * j, 25);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) w16[i][j] = root(i * j, 16);
  }
  static Factor root(int power, int n) {
    const double angle = -2 * M_PI * power / n;
    return {float(std::cos(angle)), float(std::sin(angle))};
  }
};
const Factors kFactors;

constexpr float kCos1 = 0.309016994f, kSin1 = 0.951056516f;   // of 2 pi / 5
constexpr float kCos2 = -0.809016994f, kSin2 = 0.587785252f;  // of 4 pi / 5

// The first three of five outputs; the others are their conjugates.
void real_dft5(const Lanes (&x)[5], Complex (&y)[3]) {
  const Lanes outer = x[1] + x[4], inner = x[2] + x[3];
  const Lanes outer_less = x[4] - x[1], inner_less = x[3] - x[2];
  y[0] = {x[0] + outer + inner, Lanes{}};
  y[1] = {x[0] + outer * kCos1 + inner * kCos2, outer_less * kSin1 + inner_less * kSin2};
  y[2] = {x[0] + outer * kCos2 + inner * kCos1, outer_less * kSin2 - inner_less * kSin1};
}

void dft5(const Complex (&x)[5], Complex (&y)[5]) {
  const Complex outer = x[1] + x[4], inner = x[2] + x[3];
  const Complex outer_less = x[1] - x[4], inner_less = x[2] - x[3];
  const Complex even1 = x[0] + outer * Factor{kCos1, 0} + inner * Factor{kCos2, 0};
  const Complex even2 = x[0] + outer * Factor{kCos2, 0} + inner * Factor{kCos1, 0};
  const Complex odd1 = times_minus_i(outer_less * Factor{kSin1, 0} + inner_less * Factor{kSin2, 0});
  const Complex odd2 = times_minus_i(outer_less * Factor{kSin2, 0} - inner_less * Factor{kSin1, 0});
  y[0] = x[0] + outer + inner;
  y[1] = even1 + odd1;
  y[4] = even1 - odd1;
  y[2] = even2 + odd2;
  y[3] = even2 - odd2;
}

// 25 = 5 * 5, n2 = 5 p + q and k2 = r + 5 s; x steps by kRows.
void real_dft25(const Lanes* x, Complex (&y)[kHalf]) {
  Complex part[5][3];  // [q][r]
  for (int q = 0; q < 5; ++q) {
    Lanes column[5];
    for (int p = 0; p < 5; ++p) column[p] = x[(5 * p + q) * kRows];
    real_dft5(column, part[q]);
  }
  Lanes zeroth[5];
  for (int q = 0; q < 5; ++q) zeroth[q] = part[q][0].re;
  Complex out0[3];
  real_dft5(zeroth, out0);
  for (int s = 0; s < 3; ++s) y[5 * s] = out0[s];
  for (int r = 1; r < 3; ++r) {
    Complex column[5], out[5];
    for (int q = 0; q < 5; ++q) column[q] = part[q][r] * kFactors.w25[q][r];
    dft5(column, out);
    for (int s = 0; s < 5; ++s) {
      const int k = r + 5 * s;
      if (k < kHalf)
        y[k] = out[s];
      else
        y[kColumns - k] = conjugate(out[s]);
    }
  }
}

void dft4(Complex a, Complex b, Complex c, Complex d, Complex (&y)[4]) {
  const Complex even = a + c, even_less = a - c, odd = b + d, odd_less = times_minus_i(b - d);
  y[0] = even + odd;
  y[1] = even_less + odd_less;
  y[2] = even - odd;
  y[3] = even_less - odd_less;
}

// 16 = 4 * 4, n1 = 4 a + b and k1 = c + 4 d.
void dft16(const Complex (&x)[kRows], Complex (&y)[kRows]) {
  Complex part[4][4];  // [b][c]
  for (int b = 0; b < 4; ++b) dft4(x[b], x[4 + b], x[8 + b], x[12 + b], part[b]);
  for (int c = 0; c < 4; ++c) {
    Complex out[4];
    dft4(part[0][c], part[1][c] * kFactors.w16[1][c], part[2][c] * kFactors.w16[2][c],
         part[3][c] * kFactors.w16[3][c], out);
    for (int d = 0; d < 4; ++d) y[c + 4 * d] = out[d];
  }
}

}  // namespace

void power_spectrum(const Lanes (&x)[kWindow], Lanes (&power)[kBins]) {
  Complex z[kRows][kHalf];
  for (int n1 = 0; n1 < kRows; ++n1) real_dft25(x + n1, z[n1]);
  for (int k2 = 0; k2 < kHalf; ++k2) {
    Complex column[kRows], out[kRows];
    for (int n1 = 0; n1 < kRows; ++n1) column[n1] = z[n1][k2] * kFactors.w400[n1][k2];
    dft16(column, out);
    for (int k1 = 0; k1 < kRows; ++k1) {
      const int k = k2 + kColumns * k1;
      power[k < kBins ? k : kWindow - k] = out[k1].re * out[k1].re + out[k1].im * out[k1].im;
    }
  }
}

}  // namespace serval::whisper
