// A tokenizer.json, a zero byte and a text to encode with it. If there is no more than one byte
// before the zero, that picks one of the tokenizers of tests/golden/text_tokenizer, and the text is
// repeated until it is long, so that reading stops early where a limit allows it. Whatever the file
// says, rows must fit together, and a row with a limit must be the beginning or the end of the row
// without.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"
#include "common/utf8.h"

namespace {

using serval::TextEncodeOptions;
using serval::TextEncoding;
using serval::TextTokenizer;
using serval::TruncationSide;

std::vector<TextTokenizer> make_golden() {
  std::vector<TextTokenizer> all;
  for (const char* name : {"bert-cased", "roberta", "modernbert", "qwen", "o200k", "xlm-r", "t5",
                           "albert", "gemma", "clip", "word-level"}) {
    std::ifstream file(std::string(SERVAL_GOLDEN_DIR "/text_tokenizer/") + name + ".json");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    auto tokenizer = TextTokenizer::parse(text, name);
    if (!tokenizer) std::abort();
    all.push_back(std::move(*tokenizer));
  }
  return all;
}

void require(bool holds) {
  if (!holds) std::abort();
}

uint32_t characters(std::string_view text) {
  const std::string valid = serval::replace_invalid_utf8(text);
  return uint32_t(std::count_if(valid.begin(), valid.end(),
                                [](char c) { return (uint8_t(c) & 0xC0) != 0x80; }));
}

void check(const TextTokenizer& tokenizer, const TextEncoding& row, std::string_view text) {
  const std::size_t size = row.ids.size();
  require(row.offsets.size() == size && row.type_ids.size() == size);
  require(row.special.size() == size && row.sequences.size() == size);
  const uint32_t end = characters(text);
  for (std::size_t i = 0; i < size; ++i) {
    require(row.ids[i] >= 0 && row.ids[i] < tokenizer.vocab_size());
    require(row.offsets[i].begin <= row.offsets[i].end && row.offsets[i].end <= end);
  }
}

void encode(const TextTokenizer& tokenizer, std::string_view text, std::size_t most) {
  TextEncodeOptions options{.add_special = false};
  const TextEncoding whole = tokenizer.encode(text, options);
  check(tokenizer, whole, text);
  options.max_tokens = most;
  const TextEncoding first = tokenizer.encode(text, options);
  require(first.ids.size() == std::min(most, whole.ids.size()));
  require(std::equal(first.ids.begin(), first.ids.end(), whole.ids.begin()));
  require(first.truncated == (whole.ids.size() > most));
  options.truncation_side = TruncationSide::left;
  const TextEncoding last = tokenizer.encode(text, options);
  require(last.ids.size() == first.ids.size());
  require(std::equal(last.ids.rbegin(), last.ids.rend(), whole.ids.rbegin()));
  options.add_special = true;
  const TextEncoding pair = tokenizer.encode_pair(text, text, options);
  check(tokenizer, pair, text);
  require(pair.ids.size() <= std::max(most, tokenizer.special_count(true)));
  tokenizer.decode(pair.ids, most % 2 == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const std::vector<TextTokenizer> golden = make_golden();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = bytes.find('\0');
  if (zero == bytes.npos) return 0;
  const std::string_view file = bytes.substr(0, zero), text = bytes.substr(zero + 1);
  const std::size_t most = 1 + text.size() % 13;
  if (file.size() > 1) {
    const auto tokenizer = TextTokenizer::parse(file, "file");
    if (tokenizer) encode(*tokenizer, text, most);
    return 0;
  }
  const std::size_t which = file.empty() ? 0 : uint8_t(file[0]) % golden.size();
  encode(golden[which], text, most);
  // Long enough for make_row() to stop early.
  std::string many;
  while (many.size() < 2500) many.append(text).append(" and 1 ");
  const TextEncoding whole = golden[which].encode(many, {.add_special = false});
  const TextEncoding first = golden[which].encode(many, {.add_special = false, .max_tokens = most});
  require(first.ids.size() == std::min(most, whole.ids.size()));
  require(std::equal(first.ids.begin(), first.ids.end(), whole.ids.begin()));
  require(std::equal(first.offsets.begin(), first.offsets.end(), whole.offsets.begin()));
  return 0;
}
