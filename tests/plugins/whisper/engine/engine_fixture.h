// An engine with the real tiny.en, and clients that note what they are given.
#pragma once

#include <algorithm>
#include <cctype>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "common/json.h"
#include "plugins/whisper/engine/loaded_model.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/reader_client.h"
#include "tests/plugins/whisper/pcm_bytes.h"

namespace serval::whisper {

inline constexpr const char* kJfk =
    "and so my fellow americans ask not what your country can do for you ask what you can do for "
    "your country";

// Without what the precision of the products may change.
inline std::string words(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c == ' ' || (std::isalpha(static_cast<unsigned char>(c)) != 0))
      out += char(std::tolower(static_cast<unsigned char>(c)));
  return out.substr(std::min(out.size(), out.find_first_not_of(' ')));
}

inline std::string file(const std::string& name) {
  std::ifstream in(std::string(SERVAL_SOURCE_DIR) + "/tests/data/speech/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A sound file as headerless samples of 16 kHz.
inline std::string samples_of(const std::string& name) {
  const std::string bytes = file(name);
  const auto source = AudioSource::open(bytes);
  EXPECT_TRUE(source) << name;
  if (!source) return {};
  std::vector<float> samples(kMaxSamples);
  samples.resize((*source)->read(samples));
  return pcm_bytes(samples);
}

// A clip of a reading of a book, 1 to 9.
inline std::string reading(int clip) {
  return samples_of("../../../bench/data/speech/LJ001-000" + std::to_string(clip) + ".flac");
}

struct Outcome : ReaderOutcome {
  std::string text, summary;
  std::vector<json::object> segments;  // meta_json of each text

  // Of a live request: what the client sends, and what of it has arrived.
  std::string input;
  std::size_t arrived = 0, read = 0;
  bool input_ended = false, input_broken = false;
  std::vector<std::string> texts;  // as segments
};

class TestClient final : public ReaderClient<Client> {
 public:
  explicit TestClient(Outcome& outcome) : ReaderClient(outcome), o_(outcome) {}
  void emit(EventKind kind, std::string_view data, std::string_view meta_json, bool last) override {
    ASSERT_FALSE(o_.ended);
    EXPECT_EQ(last, kind == EventKind::json);
    if (last) {
      o_.summary = data;
    } else {
      o_.text += data;
      o_.texts.emplace_back(data);
      o_.segments.push_back(parse_json(meta_json)->as_object());
    }
    take();
  }
  Input read_input(std::span<char> to, std::size_t& n) override {
    n = 0;
    if (o_.input_broken) return Input::gone;
    n = std::min(to.size(), o_.arrived - o_.read);
    if (n == 0) return o_.input_ended ? Input::end : Input::none;
    std::copy_n(o_.input.begin() + std::ptrdiff_t(o_.read), n, to.begin());
    o_.read += n;
    return Input::some;
  }

 private:
  Outcome& o_;
};

class WhisperEngine : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = test_model_path("whisper-tiny.en");
    SERVAL_NEED_MODEL(path);
    WhisperConfig config;
    config.threads = 2;
    config.windows = 4;
    configure(config);
    auto loaded = LoadedModel::load(path, config, {}, {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = std::move(*loaded);
  }
  Engine& engine() { return model_->engine(); }
  virtual void configure(WhisperConfig&) {}
  void submit(Outcome& outcome, std::string_view bytes, std::string_view params = "{}") {
    engine().submit(++id_, std::make_unique<TestClient>(outcome), "transcribe", {bytes}, params);
  }
  void run() {
    while (engine().running() > 0 && engine().step()) {
    }
  }

  std::unique_ptr<LoadedModel> model_;
  uint64_t id_ = 0;
};

}  // namespace serval::whisper
