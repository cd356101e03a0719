#include "common/formats/nfc.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

std::string nfc(std::string_view text) {
  std::string out = "untouched";
  if (!normalize_nfc(text, out)) {
    EXPECT_EQ(out, "untouched");
    return std::string(text);
  }
  return out;
}

TEST(Nfc, LeavesNormalTextAlone) {
  std::string out;
  EXPECT_FALSE(normalize_nfc("", out));
  EXPECT_FALSE(normalize_nfc("plain", out));
  EXPECT_FALSE(normalize_nfc("d\u00e9j\u00e0 \u4e2d\u6587 \U0001F600 \u0639", out));
}

TEST(Nfc, ComposesAndReorders) {
  EXPECT_EQ(nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(nfc("xe\u0301y e\u0301"), "x\u00e9y \u00e9");
  EXPECT_EQ(nfc("a\u0345\u0334"), "a\u0334\u0345");
  EXPECT_EQ(nfc("\u212b"), "\u00c5");              // angstrom sign
  EXPECT_EQ(nfc("\u0344"), "\u0308\u0301");        // decomposes for good
  EXPECT_EQ(nfc("\u1112\u1161\u11ab"), "\ud55c");  // Hangul jamo
  EXPECT_EQ(nfc("\u09c7\u09be"), "\u09cb");
  EXPECT_EQ(nfc("\u0301e"), "\u0301e");
  EXPECT_EQ(nfc("\uf900"), "\u8c48");  // compatibility ideograph
}

TEST(Nfc, MarksNewerThanTheReferenceStayWhereTheyAre) {
  EXPECT_EQ(nfc("a\u0898\u0301"), "a\u0898\u0301");
  EXPECT_EQ(nfc("a\u0345\u1ac0\u0334"), "a\u0345\u1ac0\u0334");
}

TEST(Nfc, IsIdempotentOnARowOfMarks) {
  std::string marks = "o";
  for (int i = 0; i < 1000; ++i) marks += "\u0345\u0334\u0301";
  const std::string once = nfc(marks);
  EXPECT_NE(once, marks);
  EXPECT_EQ(nfc(once), once);
}

}  // namespace
}  // namespace serval
