#include "plugins/llm/kv_disk/fingerprint.h"

#include <algorithm>
#include <array>

namespace serval::llm {
namespace {

template <class T>
void add_value(Sha256& hash, const T& value) {
  hash.add(std::as_bytes(std::span(&value, 1)));
}

void add_text(Sha256& hash, std::string_view text) {
  add_value(hash, uint64_t(text.size()));
  hash.add(text);
}

void add_bytes(Sha256& hash, std::span<const std::byte> bytes) {
  add_value(hash, uint64_t(bytes.size()));
  hash.add(bytes);
}

void add_file(Sha256& hash, const GgufFile& file) {
  for (const GgufEntry& entry : file.entries()) {
    add_text(hash, entry.key);
    add_value(hash, entry.type);
    add_value(hash, entry.element);
    add_bytes(hash, entry.bytes);
  }
  for (const GgufTensor& tensor : file.tensors()) {
    add_text(hash, tensor.name);
    add_value(hash, tensor.type);
    add_value(hash, tensor.dims);
    add_bytes(hash, tensor.bytes);
  }
}

// The first block of a text of tokens from all over the vocabulary.
void add_probe(Sha256& hash, LanguageModel& model, KvMemory& kv, int most_tokens, int context) {
  std::array<int32_t, kBlockTokens> tokens;
  for (int i = 0; i < kBlockTokens; ++i)
    tokens[std::size_t(i)] = int32_t(int64_t(i) * 7919 % model.vocab());
  const int block = 0, end = std::min(kBlockTokens, context);
  kv.windows().use(block);
  for (int begin = 0; begin < end;) {
    const int count = std::min(end - begin, most_tokens);
    const ModelSlice slice{tokens.data() + begin, count, begin, {&block, 1}, count};
    model.forward({&slice, 1}, kv);
    begin += count;
  }
  std::vector<std::byte> image(kv.image_bytes());
  kv.save(block, image);
  kv.windows().unuse(block);
  hash.add(image);
}

}  // namespace

Digest kv_fingerprint(const GgufFile& file, LanguageModel& model, KvMemory& kv,
                      std::string_view kernels, int most_tokens, int context) {
  Sha256 hash;
  add_text(hash, "serval kv blocks");
  add_text(hash, kernels);
  add_value(hash, kv.type());
  add_file(hash, file);
  add_probe(hash, model, kv, most_tokens, context);
  return hash.finish();
}

}  // namespace serval::llm
