// The stand-in for speech hears in an upload, however it comes, what it hears in a whole file.
#include "tests/plugin-api/kit_host.h"

extern const serval_entry good_entry;  // speech/speech_plugin.cc, under another name

namespace serval::sdk {
namespace {

constexpr std::size_t kSecond = 32'000;  // bytes

// A WAV file with noise, two seconds of silence, and noise again.
std::string wav_file() {
  std::string bytes = "RIFF....WAVE" + std::string(32, 'h');
  bytes += std::string(2 * kSecond, 'n') + std::string(2 * kSecond, '\0');
  return bytes + std::string(2 * kSecond + 9'000, 'n');
}

// Everything the reader and the client are told.
std::string outcome(const check::Stream& s) {
  std::string all;
  for (const check::Event& e : s.events)
    all += std::to_string(e.kind) + " " + std::to_string(e.flags) + e.data + e.meta + "\n";
  return all + s.usage + std::to_string(s.code) + s.message + s.param;
}

struct Speech : KitHost {
  const serval_plugin* plugin = nullptr;
  void* handle = nullptr;

  void SetUp() override {
    serval_error error{};
    error.size = sizeof(error);
    plugin = good_entry.create(kit.table(), &error);
    ASSERT_NE(plugin, nullptr) << error.message;
    const serval_model_config config{sizeof(config), 0, {"speech", 6}, {}, {"{}", 2}, {}};
    ASSERT_EQ(plugin->model_open(plugin->self, &config, model.ref(), &handle, &error), SERVAL_OK);
    ASSERT_EQ(plugin->model_start(handle, &error), SERVAL_OK);
  }
  void TearDown() override {
    say_no_more();
    plugin->model_quiesce(handle, 0);
    plugin->model_close(handle);
    plugin->destroy(plugin->self);
    EXPECT_EQ(first_violation(), "");
  }

  check::Stream* submit(const std::string& op, const std::string& bytes,
                        const std::string& params) {
    const check::Arrival arrival =
        op == "transcribe" ? check::Arrival::whole : check::Arrival::uploaded;
    return kit.submit(model, {op, params, {bytes}, 0, arrival}, check::Stream::kUnlimited, 0, true);
  }
  void feed(check::Stream* s, std::size_t bytes, bool end) {
    if (kit.locked([&] { return s->feed(bytes, end); }))
      plugin->model_signal(handle, SERVAL_SIGNAL_READABLE, s->view.id);
  }
  std::string whole(const std::string& bytes, const std::string& params) {
    check::Stream* s = submit("transcribe", bytes, params);
    EXPECT_TRUE(wait_finished({s}));
    return outcome(*s);
  }
  std::string in_pieces(const std::string& bytes, const std::string& params, std::size_t piece) {
    check::Stream* s = submit("transcribe_upload", bytes, params);
    for (std::size_t fed = 0; fed < bytes.size(); fed += piece) {
      feed(s, piece, false);
      EXPECT_TRUE(kit.wait(30'000, [&] { return s->finished || s->waits_for_input; }));
    }
    feed(s, 0, true);
    EXPECT_TRUE(wait_finished({s}));
    return outcome(*s);
  }
};

TEST_F(Speech, HearsTheSameInAnUpload) {
  const std::string file = wav_file();
  for (const char* params : {R"({"timestamps":"word"})", R"({"encoding":"pcm_s16le"})"})
    for (const std::size_t length :
         {file.size(), 44 + 4 * kSecond, 50ul, 44ul, 43ul, 12ul, 3ul, 0ul})
      for (const std::size_t piece : {1ul << 20, 2 * kSecond, 10'007ul, 499ul, 1ul}) {
        if (piece == 1 && length > 100) continue;  // it takes long
        const std::string bytes = file.substr(0, length);
        EXPECT_EQ(in_pieces(bytes, params, piece), whole(bytes, params))
            << length << " bytes in pieces of " << piece << ", " << params;
      }
}

TEST_F(Speech, RefusesAnUploadAsSoonAsItIsNoFile) {
  check::Stream* s = submit("transcribe_upload", "twelve bytes and more", "{}");
  feed(s, 12, false);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->code, SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(s->message, "the file is no WAV file");
  EXPECT_EQ(s->param, "audio");
}

TEST_F(Speech, HearsWhatHasComeOfAnUpload) {
  check::Stream* s = submit("transcribe_upload", wav_file(), "{}");
  feed(s, 44 + 2 * kSecond, false);
  ASSERT_TRUE(kit.wait(30'000, [&] { return s->waits_for_input && !s->events.empty(); }));
  feed(s, 1 << 20, true);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->events.size(), 4u);
}

}  // namespace
}  // namespace serval::sdk
