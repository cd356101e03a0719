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
#include "tests/plugins/whisper/audio/whole_source.h"
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
  const auto source = whole_source(bytes);
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

  // What the client sends, and what of it has arrived.
  std::string input;
  std::size_t arrived = 0, read = 0;
  std::size_t wanted = 0;             // of a file: bytes that the engine waits for
  std::unique_ptr<std::string> held;  // a file, as long as the request lives
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

  Input arrived(std::size_t wanted, std::string_view& bytes) override {
    bytes = std::string_view(*o_.held).substr(0, o_.arrived);
    if (o_.arrived == o_.held->size()) return Input::end;
    o_.wanted = wanted;
    return Input::some;
  }
  void done(std::string_view usage) override {
    ReaderClient::done(usage);
    o_.held.reset();
  }
  void fail(const Error& error) override {
    ReaderClient::fail(error);
    o_.held.reset();
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
    submit_arriving(outcome, bytes, params);
    outcome.arrived = bytes.size();
  }
  // Nothing of it is there yet. The id of the request.
  uint64_t submit_arriving(Outcome& outcome, std::string_view bytes,
                           std::string_view params = "{}") {
    outcome.held = std::make_unique<std::string>(bytes);
    engine().submit(++id_, std::make_unique<TestClient>(outcome), "transcribe_upload", 1, params);
    return id_;
  }
  void run() {
    while (engine().running() > 0 && engine().step()) {
    }
  }

  std::unique_ptr<LoadedModel> model_;
  uint64_t id_ = 0;
};

}  // namespace serval::whisper
