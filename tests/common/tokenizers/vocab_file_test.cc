// BERT's vocab.txt in the place of a tokenizer.json.
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "golden_texts.h"
#include "test_models.h"

namespace serval {
namespace {

namespace fs = std::filesystem;

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "serval-vocab-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void write(const char* name, std::string_view text) const {
    std::ofstream(path / name, std::ios::binary) << text;
  }
  fs::path path;
};

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##s\nÉté\nete\n";

using Ids = std::vector<TokenId>;

Ids ids_of(const Folder& folder, std::string_view text) {
  const Result<TextTokenizer> tokenizer = TextTokenizer::load(folder.path);
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return tokenizer->encode(text).ids;
}

TEST(VocabFile, LowerCaseUnlessTheConfigurationSaysOtherwise) {
  Folder folder;
  folder.write("vocab.txt", kVocab);
  EXPECT_EQ(ids_of(folder, "Hellos Été [MASK]"), (Ids{2, 5, 6, 8, 4, 3}));
  folder.write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(ids_of(folder, "hellos Été Hello"), (Ids{2, 5, 6, 7, 1, 3}));
  folder.write("tokenizer_config.json",
               R"({"strip_accents": false, "cls_token": {"content": "hello"}})");
  EXPECT_EQ(ids_of(folder, "ete été"), (Ids{5, 8, 1, 3}));
}

TEST(VocabFile, LinesMayEndAsOnWindows) {
  Folder folder;
  folder.write("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\nhello");
  EXPECT_EQ(ids_of(folder, "hello"), (Ids{1, 3, 2}));
}

TEST(VocabFile, Refusals) {
  Folder folder;
  const auto refused = [&] {
    const Result<TextTokenizer> tokenizer = TextTokenizer::load(folder.path);
    return tokenizer ? std::string("accepted") : tokenizer.error().message;
  };
  EXPECT_NE(refused().find("tokenizer.json"), std::string::npos) << "there is nothing";
  folder.write("vocab.txt", "[UNK]\n[CLS]\nhello\n");
  EXPECT_EQ(refused(), (folder.path / "vocab.txt: lacks the token [SEP]").string());
  folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[CLS]\n");
  EXPECT_EQ(refused(), (folder.path / "vocab.txt: line 4 is there twice").string());
  folder.write("vocab.txt", "[CLS]\n[SEP]\n");
  EXPECT_EQ(
      refused(),
      (folder.path / "vocab.txt: model: its unk_token \"[UNK]\" is not in its vocab").string());
  folder.write("vocab.txt", "\xFF\n");
  EXPECT_EQ(refused(), (folder.path / "vocab.txt: is not UTF-8").string());
  folder.write("vocab.txt", kVocab);
  folder.write("tokenizer_config.json", "{");
  EXPECT_NE(refused().find("tokenizer_config.json: "), std::string::npos) << refused();
}

// The pack holds both files; they say the same.
TEST(VocabFile, EqualsTheTokenizerFile) {
  const fs::path pack = test_model_path("all-minilm-l6-v2");
  SERVAL_NEED_MODEL(pack / "tokenizer.json");
  Folder folder;
  fs::copy(pack / "vocab.txt", folder.path);
  fs::copy(pack / "tokenizer_config.json", folder.path);
  const Result<TextTokenizer> from_vocab = TextTokenizer::load(folder.path);
  ASSERT_TRUE(from_vocab) << from_vocab.error().message;
  const Result<TextTokenizer> from_json = TextTokenizer::load(pack);
  ASSERT_TRUE(from_json) << from_json.error().message;
  const std::vector<std::string> texts = golden_texts();
  for (std::size_t i = 0; i + 1 < texts.size(); ++i) {
    const TextEncoding a = from_vocab->encode_pair(texts[i], texts[i + 1], {.max_tokens = 64});
    const TextEncoding b = from_json->encode_pair(texts[i], texts[i + 1], {.max_tokens = 64});
    ASSERT_EQ(a.ids, b.ids) << testing::PrintToString(texts[i]);
    ASSERT_EQ(a.type_ids, b.type_ids);
    ASSERT_EQ(a.offsets, b.offsets);
  }
}

}  // namespace
}  // namespace serval
