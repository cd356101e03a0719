// One random matmul problem of any type, ready to run through any table.
#pragma once

#include "tests/kernels/kernel_test.h"

namespace serval {

class MatMulCase {
 public:
  MatMulCase(WeightType type, int64_t rows, int64_t cols, int tokens, std::mt19937& rng)
      : type_(type),
        rows_(rows),
        cols_(cols),
        tokens_(tokens),
        tensor_(random_tensor(type, rows, cols, rng)),
        packed_(packed_bytes(type, rows, cols)),
        x_(random_floats(std::size_t(tokens * cols), rng)) {
    repack();
  }

  std::vector<uint8_t>& tensor() { return tensor_; }
  std::vector<float>& x() { return x_; }
  void repack() {
    pack(type_, tensor_.data(), rows_, cols_, 0, group_count(rows_), packed_.data());
  }

  bool is_float() const { return is_float_form(packed_form(type_)); }

  // Activations of tokens [first, first + count) as the call wants them.
  void prepare(const Ops& ops, int first, int count) {
    quantized_ = std::make_unique<Aligned>(is_float() ? 0 : quantized_bytes(count, cols_));
    first_ = first;
    count_ = count;
    if (!is_float())
      ops.quantize_rows(
          {x_.data() + first * cols_, cols_, count, cols_, 0, count, quantized_->data()});
  }

  // Arguments for the prepared tokens, all rows.
  MatMul args(float* y, int64_t y_stride) const {
    MatMul a;
    a.w = packed_matrix(type_, rows_, cols_, packed_.data());
    a.x = x_.data() + first_ * cols_;
    a.x_stride = cols_;
    a.x_q = quantized_->data();
    a.tokens = count_;
    a.y = y;
    a.y_stride = y_stride;
    a.group_end = group_count(rows_);
    a.token_end = count_;
    return a;
  }

  // x W^T in double from the file's own values: no packing, no quantised activations.
  std::vector<float> truth() const {
    std::vector<float> w(static_cast<std::size_t>(cols_));
    std::vector<float> y(static_cast<std::size_t>(tokens_ * rows_));
    for (int64_t r = 0; r < rows_; ++r) {
      dequantize_row(type_, tensor_.data() + r * row_bytes(type_, cols_), w.data(), cols_);
      for (int t = 0; t < tokens_; ++t) {
        double sum = 0;
        for (int64_t k = 0; k < cols_; ++k)
          sum += double(w[std::size_t(k)]) * x_[std::size_t(t * cols_ + k)];
        y[std::size_t(t * rows_ + r)] = float(sum);
      }
    }
    return y;
  }

 private:
  WeightType type_;
  int64_t rows_, cols_;
  int tokens_, first_ = 0, count_ = 0;
  std::vector<uint8_t> tensor_;
  Aligned packed_;
  std::vector<float> x_;
  std::unique_ptr<Aligned> quantized_;
};

}  // namespace serval
