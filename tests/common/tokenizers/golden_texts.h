// The strings of tests/golden/tokenizer and the tokenizer files of tests/golden/text_tokenizer.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/formats/byte_reader.h"
#include "common/mapped_file.h"
#include "common/tokenizers/text_tokenizer.h"
#include "common/utf8.h"

namespace serval {

inline std::string read_golden(const std::string& name) {
  const Result<MappedFile> file = MappedFile::open(std::filesystem::path(SERVAL_GOLDEN_DIR) / name);
  if (!file) throw std::runtime_error(file.error().message);
  const auto bytes = file->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::vector<std::string> golden_texts() {
  const std::string file = read_golden("tokenizer/strings.bin");
  ByteReader in(std::as_bytes(std::span(file)));
  std::vector<std::string> out;
  while (in.left() > 0) out.push_back(replace_invalid_utf8(in.take_text(in.read<uint32_t>())));
  return out;
}

inline TextTokenizer golden_tokenizer(const std::string& name) {
  Result<TextTokenizer> out =
      TextTokenizer::parse(read_golden("text_tokenizer/" + name + ".json"), name);
  if (!out) throw std::runtime_error(out.error().message);
  return std::move(*out);
}

// One of each kind, trained by tools/golden/text_tokenizer.py.
inline constexpr const char* kGoldenTokenizers[] = {"bert-cased", "roberta", "modernbert", "qwen",
                                                    "o200k",      "xlm-r",   "t5",         "albert",
                                                    "gemma",      "clip",    "word-level"};

}  // namespace serval
