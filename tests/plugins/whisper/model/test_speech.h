// Models, mels and golden numbers for the tests of the whisper plugin's model.
#pragma once

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

#include "common/json.h"
#include "plugins/whisper/model/model.h"
#include "tests/common/formats/test_models.h"

namespace serval::whisper {

inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(SERVAL_SOURCE_DIR) / "tests/golden/whisper" / name;
}

inline const Ops& test_ops() {
  const auto ops = best_ops();
  EXPECT_TRUE(ops.ok());
  return **ops;
}

inline SpeechOptions options_of(DenseType dtype) {
  const KvType kv = dtype == DenseType::f32    ? KvType::f32
                    : dtype == DenseType::bf16 ? KvType::bf16
                                               : KvType::int8;
  return {
      .dtype = dtype, .kv = kv, .max_states = 4000, .max_rows = 64, .windows = 6, .hypotheses = 8};
}

inline std::unique_ptr<SpeechModel> load(const std::filesystem::path& folder, ThreadPool& pool,
                                         const SpeechOptions& options) {
  auto model = SpeechModel::load(folder, options, test_ops(), pool, {});
  EXPECT_TRUE(model.ok()) << model.error().message;
  return model.ok() ? std::move(*model) : nullptr;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline json::value read_json(const std::filesystem::path& path) {
  const auto parsed = parse_json(read_file(path));
  EXPECT_TRUE(parsed.ok()) << path;
  return parsed.ok() ? *parsed : json::value();
}

// Numbers of an array, or of an array of arrays, in a row.
inline std::vector<float> numbers(const json::value& value) {
  if (!value.is_array()) return {value.to_number<float>()};
  std::vector<float> out;
  for (const json::value& item : value.get_array()) {
    const std::vector<float> inner = numbers(item);
    out.insert(out.end(), inner.begin(), inner.end());
  }
  return out;
}

inline std::vector<int32_t> tokens_of(const json::value& value) {
  std::vector<int32_t> out;
  for (const float token : numbers(value)) out.push_back(int32_t(token));
  return out;
}

// The mel of tools/golden/whisper.py.
inline std::vector<float> mel_of(int frames, int mels) {
  std::vector<float> out;
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t m = 0; m < mels; ++m)
      out.push_back(float((7919 * t + 104729 * m + 13 * frames) % 2001) / 1000 - 1);
  return out;
}

// speech.mel of tools/golden/whisper_real.py, `frames` of it with silence behind.
inline std::vector<float> speech_mel(int frames) {
  const std::string bytes = read_file(golden_path("speech.mel"));
  std::vector<float> out;
  for (std::size_t i = 0; i < std::size_t(frames) * 80; ++i)
    out.push_back(float(uint8_t(bytes[std::min(i, bytes.size() - 1)])) * 0.01f - 1);
  return out;
}

inline float greatest_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  float greatest = a.size() == b.size() ? 0 : 1e30f;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    greatest = std::max(greatest, std::abs(a[i] - b[i]));
  return greatest;
}

inline double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += double(a[i]) * b[i];
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace serval::whisper
