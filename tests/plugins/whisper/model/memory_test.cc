// The decoder's memory: its bounds, its sharing, and what is refused.
#include "tests/plugins/whisper/model/test_speech.h"

namespace serval::whisper {
namespace {

class WhisperMemory : public testing::Test {
 protected:
  void SetUp() override {
    SpeechOptions options = options_of(DenseType::f32);
    options.windows = 2;
    options.hypotheses = 2;
    options.max_rows = 48;
    options.max_states = 160;
    model_ = load(golden_path("english"), pool_, options);
    ASSERT_TRUE(model_);
    mel_ = mel_of(160, 80);
    logits_.resize(std::size_t(model_->shape().vocab));
  }

  Status encode(SpeechModel::Cross& cross, int frames, bool graft = true) {
    const SpeechModel::EncodeItem item{mel_.data(), frames, graft, &cross};
    return model_->encode({&item, 1});
  }
  Status decode(SpeechModel::Self& self, const SpeechModel::Cross& cross,
                std::vector<int32_t> tokens) {
    const DecodeItem item{tokens, &self, &cross, logits_.data()};
    return model_->decode({&item, 1});
  }

  ThreadPool pool_{2};
  std::unique_ptr<SpeechModel> model_;
  std::vector<float> mel_, logits_;
};

void expect_error(const Status& status, Code code, const char* word) {
  ASSERT_FALSE(status.ok()) << word;
  EXPECT_EQ(status.error().code, code) << status.error().message;
  EXPECT_NE(status.error().message.find(word), std::string::npos) << status.error().message;
}

TEST_F(WhisperMemory, RefusalsSayWhatIsWrong) {
  SpeechModel::Cross cross;
  expect_error(encode(cross, 63), Code::invalid_argument, "63 frames");
  expect_error(encode(cross, 0), Code::invalid_argument, "0 frames");
  expect_error(encode(cross, -64), Code::invalid_argument, "-64 frames");
  expect_error(encode(cross, 192), Code::invalid_argument, "192 frames");
  SpeechModel::Self self;
  expect_error(decode(self, cross, {1}), Code::invalid_argument, "without");
  ASSERT_TRUE(encode(cross, 64).ok());
  expect_error(decode(self, cross, {}), Code::invalid_argument, "without");
  expect_error(decode(self, cross, {1, 67}), Code::invalid_argument, "token 67");
  expect_error(decode(self, cross, {-1}), Code::invalid_argument, "token -1");
  EXPECT_EQ(self.length(), 0);
  ASSERT_TRUE(decode(self, cross, std::vector<int32_t>(47, 3)).ok());
  expect_error(decode(self, cross, {3, 3}), Code::out_of_range, "48 positions");
  ASSERT_TRUE(decode(self, cross, {3}).ok());
  EXPECT_EQ(self.length(), 48);
  expect_error(decode(self, cross, {3}), Code::out_of_range, "48 positions");
  SpeechModel::Self other;
  expect_error(decode(other, cross, std::vector<int32_t>(49, 3)), Code::out_of_range, "49 tokens");

  SpeechOptions options = model_->options();
  options.max_states = 10;
  const auto refused = SpeechModel::plan(golden_path("english"), options, test_ops(), 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("max_states is 10"), std::string::npos);
}

TEST_F(WhisperMemory, MoreThanThePlanIsRefusedAndComesBack) {
  SpeechModel::Cross a, b, c, d;
  ASSERT_TRUE(encode(a, 160).ok());
  ASSERT_TRUE(encode(b, 160).ok());
  ASSERT_TRUE(encode(c, 160).ok());  // in the room of hypotheses that nobody uses yet
  expect_error(encode(d, 160), Code::resource_exhausted, "window");
  EXPECT_EQ(d.states(), 0);
  SpeechModel::Self self, more;
  ASSERT_TRUE(decode(self, a, {3}).ok());
  std::vector<int32_t> tokens{3};
  const DecodeItem items[] = {{tokens, &self, &a}, {tokens, &more, &a}};
  expect_error(model_->decode(items), Code::resource_exhausted, "hypothesis");
  EXPECT_EQ(self.length(), 1);  // as if nothing had happened
  EXPECT_EQ(more.length(), 0);
  expect_error(more.copy_from(self), Code::resource_exhausted, "hypothesis");
  c.clear();
  ASSERT_TRUE(model_->decode(items).ok());
  EXPECT_EQ(self.length(), 2);
  for (int round = 0; round < 50; ++round) {  // everything comes back
    ASSERT_TRUE(encode(b, round % 2 == 0 ? 160 : 64).ok());
    ASSERT_TRUE(more.copy_from(self).ok());
    SpeechModel::Cross moved = std::move(b);
    SpeechModel::Self away = std::move(more);
    EXPECT_EQ(b.states(), 0);
    EXPECT_EQ(away.length(), 2);
  }
}

// Copies go on by themselves, from the middle of a block and from the end of one.
TEST_F(WhisperMemory, CopiesGoTheirOwnWay) {
  SpeechModel::Cross cross;
  ASSERT_TRUE(encode(cross, 64).ok());
  for (const int shared : {5, 32, 40}) {
    const std::vector<int32_t> prompt(std::size_t(shared), 7);
    std::vector<float> want[2];
    for (int way = 0; way < 2; ++way) {
      SpeechModel::Self self;
      ASSERT_TRUE(decode(self, cross, prompt).ok());
      ASSERT_TRUE(decode(self, cross, {11 + way, 5}).ok());
      want[way] = logits_;
    }
    EXPECT_NE(want[0], want[1]);
    SpeechModel::Self self, copy;
    ASSERT_TRUE(decode(self, cross, prompt).ok());
    ASSERT_TRUE(copy.copy_from(self).ok());
    ASSERT_TRUE(decode(copy, cross, {12}).ok());
    ASSERT_TRUE(decode(self, cross, {11}).ok());
    ASSERT_TRUE(decode(copy, cross, {5}).ok());
    EXPECT_EQ(logits_, want[1]) << shared;
    ASSERT_TRUE(decode(self, cross, {5}).ok());
    EXPECT_EQ(logits_, want[0]) << shared;
  }
}

}  // namespace
}  // namespace serval::whisper
