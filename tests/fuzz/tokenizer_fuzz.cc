// Any bytes as a text to encode, with small vocabularies of every kind of pre-tokenizer. Encoding
// must lose nothing but the bytes for which the vocabulary has no token.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/formats/nfc.h"
#include "common/formats/tokenizer_gguf.h"
#include "common/utf8.h"

namespace {

using serval::Tokenizer;

struct Case {
  std::string pre;
  Tokenizer tokenizer;
};

// The committed vocabulary under another pre-tokenizer's name of the same length.
Case load(const std::string& pre) {
  std::ifstream in(SERVAL_GOLDEN_DIR "/tokenizer/tiny-gpt-2.gguf", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = bytes.find("gpt-2");
  if (at == std::string::npos || pre.size() != 5) std::abort();
  bytes.replace(at, pre.size(), pre);
  const auto path = std::filesystem::temp_directory_path() / ("serval_fuzz_" + pre + ".gguf");
  std::ofstream(path, std::ios::binary) << bytes;
  auto file = serval::open_gguf(path);
  if (!file) std::abort();
  auto tokenizer = serval::tokenizer_from_gguf(*file);
  if (!tokenizer) std::abort();
  std::filesystem::remove(path);
  return {pre, std::move(*tokenizer)};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> made;
    for (const char* pre : {"gpt-2", "qwen2"}) made.push_back(load(pre));
    return made;
  }();
  return all;
}

std::string bytes_with_tokens(const Tokenizer& tokenizer, const std::string& text) {
  std::string out;
  for (const char c : text)
    if (tokenizer.find({&c, 1})) out += c;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const Case& c : cases()) {
    std::string text = serval::replace_invalid_utf8(bytes);
    if (!serval::is_valid_utf8(text)) std::abort();
    if (c.pre == "qwen2") {
      std::string normal;
      if (serval::normalize_nfc(std::string(text), normal)) text = normal;
      if (serval::normalize_nfc(std::string(text), normal) && normal != text) std::abort();
    }
    const auto ids = c.tokenizer.encode(bytes);
    if (c.tokenizer.decode(ids, false) != bytes_with_tokens(c.tokenizer, text)) std::abort();
    c.tokenizer.encode(bytes, {.parse_special = true, .add_special = true});
  }
  return 0;
}
