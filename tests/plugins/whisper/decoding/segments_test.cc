#include "plugins/whisper/decoding/segments.h"

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

TEST(Segments, EqualFasterWhispers) {
  const json::value cases = golden("segments.json");
  EXPECT_GE(cases.as_array().size(), 20u);
  for (const json::value& one : cases.as_array()) {
    const auto tokens = row_of<TokenId>(one.at("tokens"));
    const int frames = one.at("frames").to_number<int>();
    const WindowSegments got = split_window(small_tokenizer(), tokens, frames,
                                            one.at("offset").to_number<double>(), Tail::reread);
    EXPECT_EQ(got.reaches_end, one.at("reaches_end").as_bool()) << one;
    const json::array& wanted = one.at("segments").as_array();
    ASSERT_EQ(got.segments.size(), wanted.size()) << one;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(got.segments[i].start, wanted[i].at(0).to_number<double>(), 1e-9) << one;
      EXPECT_NEAR(got.segments[i].end, wanted[i].at(1).to_number<double>(), 1e-9) << one;
      EXPECT_EQ(got.segments[i].tokens, row_of<TokenId>(wanted[i].at(2))) << one;
      EXPECT_EQ(got.segments[i].text, small_tokenizer().decode(got.segments[i].tokens));
    }
    // Ours never goes past the window's end.
    const int next = std::min(one.at("next_frame").to_number<int>(), frames);
    EXPECT_EQ(got.next_frame, next) << one;
  }
}

TEST(Segments, AlwaysGoForward) {
  const TokenId begin = small_tokenizer().special().timestamp_begin;
  const std::vector<TokenId> tokens{begin, begin};  // an empty segment at 0
  EXPECT_EQ(split_window(small_tokenizer(), tokens, 500, 3, Tail::reread).next_frame, 500);
  EXPECT_EQ(split_window(small_tokenizer(), {}, 500, 3).next_frame, 500);
}

TEST(Segments, TextThatWasNotClosedIsKept) {
  const TokenId begin = small_tokenizer().special().timestamp_begin;
  const std::vector<TokenId> tokens{begin, 386, begin + 50, begin + 60, 419};
  const WindowSegments got = split_window(small_tokenizer(), tokens, 500, 3);
  ASSERT_EQ(got.segments.size(), 2u);
  EXPECT_EQ(got.segments[1].tokens, (std::vector<TokenId>{begin + 60, 419}));
  EXPECT_NEAR(got.segments[1].start, 4.2, 1e-9);
  EXPECT_NEAR(got.segments[1].end, 8, 1e-9);
  EXPECT_EQ(got.next_frame, 500);
  const WindowSegments again = split_window(small_tokenizer(), tokens, 500, 3, Tail::reread);
  EXPECT_EQ(again.segments.size(), 1u);
  EXPECT_EQ(again.next_frame, 100);
  // A time behind the audio, and nothing after it.
  const std::vector<TokenId> late{begin, 386, begin + 50, begin + 400};
  EXPECT_EQ(split_window(small_tokenizer(), late, 500, 3).segments.size(), 2u);
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
