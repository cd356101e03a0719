// The small tokenizer and the golden cases that tools/golden/whisper_decoding.py writes.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/json.h"
#include "kernels/ops.h"
#include "plugins/whisper/decoding/speech_tokenizer.h"

namespace serval::whisper {

inline const Ops& ops() {
  static const Ops* best = *best_ops();
  return *best;
}

inline std::filesystem::path golden_folder() {
  return std::filesystem::path(SERVAL_SOURCE_DIR) / "tests/golden/whisper_decoding";
}

inline json::value golden(const std::string& name) {
  std::ifstream in(golden_folder() / name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << name;
  return parsed.ok() ? *parsed : json::value();
}

// Vocabulary of 1,933 with 420 tokens of text; en, zh, de, ja.
inline const SpeechTokenizer& small_tokenizer() {
  static const SpeechTokenizer made = *SpeechTokenizer::load(golden_folder());
  return made;
}
inline const SpeechTokenizer& english_tokenizer() {
  static const SpeechTokenizer made = *SpeechTokenizer::load(golden_folder(), false);
  return made;
}

template <class T>
std::vector<T> row_of(const json::value& value) {
  std::vector<T> out;
  for (const json::value& one : value.as_array()) out.push_back(one.to_number<T>());
  return out;
}
inline std::string text_of(const json::value& value) { return std::string(value.as_string()); }

}  // namespace serval::whisper
