#include "plugins/whisper/audio/pcm_stream.h"

#include <random>

#include "tests/plugins/whisper/audio/sound_writer.h"
#include "tests/plugins/whisper/audio/whole_source.h"
#include "tests/plugins/whisper/pcm_bytes.h"

namespace serval::whisper {
namespace {

TEST(PcmStream, GivesWhatAFileOfTheSameBytesGivesHoweverTheyAreCut) {
  std::mt19937 random(3);
  for (const int rate : {8000, 16000, 24000, 44100}) {
    for (const int channels : {1, 2}) {
      const std::string bytes = pcm_bytes(tone(rate, rate, channels));
      const auto file = whole_source(bytes, RawPcm{rate, channels});
      ASSERT_TRUE(file);
      std::vector<float> want(20000);
      want.resize((*file)->read(want));
      for (const int longest : {1, 100, 3000, 1000000}) {
        if (longest == 1 && rate != 8000) continue;
        Result<PcmStream> stream = PcmStream::open({rate, channels});
        ASSERT_TRUE(stream);
        std::vector<float> got;
        for (std::string_view rest = bytes; !rest.empty();) {
          const std::size_t piece =
              std::min(rest.size(), std::size_t(1 + random() % unsigned(longest)));
          stream->push(rest.substr(0, piece), got);
          rest.remove_prefix(piece);
        }
        stream->finish(got);
        EXPECT_EQ(got, want) << rate << " Hz, " << channels << " channels, pieces up to "
                             << longest;
      }
    }
  }
}

TEST(PcmStream, HoldsLittleBack) {
  for (const int rate : {8000, 24000, 44100, 48000}) {
    Result<PcmStream> stream = PcmStream::open({rate, 1});
    ASSERT_TRUE(stream);
    std::vector<float> got;
    const std::string piece = pcm_bytes(tone(rate / 50, rate, 1));
    for (int i = 0; i < 50; ++i) stream->push(piece, got);
    EXPECT_GT(got.size(), 16000u - 16000 / 10) << rate << " Hz";
  }
}

TEST(PcmStream, RefusesRatesAndChannelsOutOfRange) {
  EXPECT_FALSE(PcmStream::open({999, 1}));
  EXPECT_FALSE(PcmStream::open({768001, 1}));
  EXPECT_FALSE(PcmStream::open({16000, 0}));
  EXPECT_FALSE(PcmStream::open({16000, 33}));
}

}  // namespace
}  // namespace serval::whisper
