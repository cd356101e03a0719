// A tokenizer made from a few tokens, for tests.
#pragma once

#include <string>
#include <vector>

#include "common/formats/tokenizer_gguf.h"
#include "gguf_writer.h"

namespace serval {

struct TinyVocabulary {
  std::string pre = "qwen2";
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;  // empty: all normal
  std::vector<std::string> merges;

  GgufWriter writer() const {
    GgufWriter w;
    w.add("tokenizer.ggml.model", "gpt2").add("tokenizer.ggml.pre", pre);
    w.add("tokenizer.ggml.tokens", tokens).add("tokenizer.ggml.merges", merges);
    if (!kinds.empty()) w.add("tokenizer.ggml.token_type", kinds);
    return w;
  }
};

inline Result<Tokenizer> make_tokenizer(const GgufWriter& writer) {
  const TemporaryFile file(writer.bytes());
  const Result<GgufFile> opened = open_gguf(file.path());
  if (!opened) return opened.error();
  return tokenizer_from_gguf(*opened);
}

}  // namespace serval
