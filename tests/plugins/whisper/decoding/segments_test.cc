#include "plugins/whisper/decoding/segments.h"

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

// What faster-whisper leaves to a window that begins earlier is one segment more here.
TEST(Segments, EqualFasterWhispers) {
  const json::value cases = golden("segments.json");
  EXPECT_GE(cases.as_array().size(), 20u);
  for (const json::value& one : cases.as_array()) {
    const auto tokens = row_of<TokenId>(one.at("tokens"));
    const int frames = one.at("frames").to_number<int>();
    const double offset = one.at("offset").to_number<double>();
    const std::vector<Segment> got = split_window(small_tokenizer(), tokens, frames, offset);
    const json::array& wanted = one.at("segments").as_array();
    ASSERT_GE(got.size(), wanted.size()) << one;
    std::size_t closed = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(got[i].start, wanted[i].at(0).to_number<double>(), 1e-9) << one;
      EXPECT_NEAR(got[i].end, wanted[i].at(1).to_number<double>(), 1e-9) << one;
      EXPECT_EQ(got[i].tokens, row_of<TokenId>(wanted[i].at(2))) << one;
      EXPECT_EQ(got[i].text, small_tokenizer().decode(got[i].tokens));
      closed += got[i].tokens.size();
    }
    EXPECT_EQ(got.size(), wanted.size() + (closed < tokens.size() ? 1 : 0)) << one;
    if (closed < tokens.size()) {
      EXPECT_EQ(got.back().tokens,
                std::vector<TokenId>(tokens.begin() + std::ptrdiff_t(closed), tokens.end()))
          << one;
    }
  }
}

TEST(Segments, TextThatWasNotClosedIsKept) {
  const TokenId begin = small_tokenizer().special().timestamp_begin;
  const std::vector<TokenId> tokens{begin, 386, begin + 50, begin + 60, 419};
  const std::vector<Segment> got = split_window(small_tokenizer(), tokens, 500, 3);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].tokens, (std::vector<TokenId>{begin + 60, 419}));
  EXPECT_NEAR(got[1].start, 4.2, 1e-9);
  EXPECT_NEAR(got[1].end, 8, 1e-9);
  // A time behind the audio, and nothing after it.
  const std::vector<TokenId> late{begin, 386, begin + 50, begin + 400};
  EXPECT_EQ(split_window(small_tokenizer(), late, 500, 3).size(), 2u);
}

TEST(Segments, WithoutTextThereIsOne) {
  const TokenId begin = small_tokenizer().special().timestamp_begin;
  const std::vector<TokenId> tokens{begin, begin};  // an empty segment at 0, and a time
  EXPECT_EQ(split_window(small_tokenizer(), tokens, 500, 3).front().end, 3);
  const std::vector<Segment> none = split_window(small_tokenizer(), {}, 500, 3);
  ASSERT_EQ(none.size(), 1u);
  EXPECT_EQ(none[0].end, 8);
}

TEST(Segments, WithoutTextOrDurationAreDropped) {
  std::vector<Segment> segments{{0, 1, {}, " a", {}},
                                {1, 1, {}, " b", {}},
                                {1, 2, {}, "  ", {}},
                                {1, 2, {}, "", {}},
                                {2, 3, {}, " c", {}}};
  drop_empty(segments);
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].text, " a");
  EXPECT_EQ(segments[1].text, " c");
}

}  // namespace
}  // namespace serval::whisper
