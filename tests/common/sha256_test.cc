#include "common/sha256.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

std::string hash(std::string_view text, bool hardware, std::size_t piece = ~std::size_t{0}) {
  Sha256 sha(hardware);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    sha.add(text.substr(0, piece));
  return hex(sha.finish());
}

// The examples of FIPS 180-4 and one of a million letters.
TEST(Sha256, KnownDigests) {
  for (const bool hardware : {false, true}) {
    EXPECT_EQ(hash("", hardware),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash("abc", hardware),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", hardware),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hash(std::string(1'000'000, 'a'), hardware),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST(Sha256, PiecesAndInstructionsDoNotMatter) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += char(i * 7);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string_view part = std::string_view(text).substr(0, length);
    const std::string want = hash(part, false);
    for (const std::size_t piece : {1, 3, 63, 64, 65, 128})
      EXPECT_EQ(hash(part, true, piece), want) << length << " bytes in pieces of " << piece;
  }
}

}  // namespace
}  // namespace serval
