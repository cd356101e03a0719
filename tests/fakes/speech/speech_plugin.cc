// Hears two words in each second of a WAV file of 16 kHz mono PCM16, in segments of two seconds;
// silence (zeros) is none. The prompt "slowly" makes it think 20 ms a segment; the other parameters
// that ask how to decode are checked and change nothing. An upload is heard while it comes.
#include <chrono>
#include <serval/sdk.hpp>
#include <thread>

namespace sdk = serval::sdk;

namespace {

constexpr std::size_t kSecond = 32'000;  // bytes
constexpr const char* kWords[] = {" And",     " so",  " my",  " fellow",
                                  " people,", " ask", " not", " what"};

struct Hearing {
  std::string task = "transcribe", language, timestamps = "segment", encoding = "file", prompt;
};

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

sdk::Result<Hearing> read_params(const sdk::Request& request) {
  Hearing h;
  std::string text;
  int64_t integer = 0;
  double real = 0;
  bool flag = false;
  sdk::ParamReader params(request.params_json());
  params.optional("task", h.task);
  params.optional("language", h.language);
  params.optional("timestamps", h.timestamps);
  params.optional("encoding", h.encoding);
  params.optional("prompt", h.prompt);
  params.optional("hotwords", text);
  for (const char* key : {"beam_size", "best_of"}) params.optional(key, integer, 1, 16);
  for (const char* key : {"no_repeat_ngram_size", "vad_min_silence_ms", "vad_speech_pad_ms",
                          "sample_rate", "channels"})
    params.optional(key, integer, 0, 1 << 20);
  params.optional("seed", integer, INT64_MIN, INT64_MAX);
  for (const char* key : {"temperature", "no_speech_threshold", "vad_threshold"})
    params.optional(key, real, 0, 1);
  for (const char* key : {"patience", "length_penalty", "repetition_penalty",
                          "compression_ratio_threshold", "log_prob_threshold"})
    params.optional(key, real, -100, 100);
  for (const char* key : {"suppress_blank", "condition_on_previous_text", "vad"})
    params.optional(key, flag);
  static_cast<void>(params.raw("suppress_tokens"));
  if (!h.language.empty() && h.language != "en" && h.language != "de")
    params.refuse("language", "a language this model knows: en, de");
  if (const sdk::Status ok = params.finish(); !ok) return ok.error();
  return h;
}

constexpr std::size_t kMagic = 12;   // bytes of a file that say what it is
constexpr std::size_t kHeader = 44;  // bytes before the samples

// The samples of a file of which these bytes have come; an error says why it is none, as soon as
// that is certain.
sdk::Result<std::string_view> samples_of(std::string_view bytes, bool complete,
                                         const Hearing& hearing) {
  if (hearing.encoding == "pcm_s16le") return bytes;
  const bool has_magic =
      bytes.size() >= kMagic && bytes.substr(0, 4) == "RIFF" && bytes.substr(8, 4) == "WAVE";
  if ((bytes.size() >= kMagic && !has_magic) || (complete && bytes.size() < kHeader))
    return sdk::invalid("the file is no WAV file", "audio");
  return bytes.substr(std::min(bytes.size(), kHeader));
}

struct Transcribe final : sdk::Task {
  Hearing hearing;
  const sdk::InputStream* upload = nullptr;  // where an upload's bytes are; nullptr: all are there
  std::size_t wanted = kMagic;               // of those bytes, to go on
  std::string_view samples;                  // those that have come
  bool complete = false;
  std::size_t second = 0;
  int segments = 0, words = 0;

  double duration() const { return double(samples.size()) / double(kSecond); }

  bool silent(std::size_t begin) const {
    return samples.substr(begin, 2 * kSecond).find_first_not_of('\0') == std::string_view::npos;
  }

  sdk::Result<sdk::Progress> step(sdk::TaskContext& out) override {
    const std::size_t begin = second * kSecond, end = begin + 2 * kSecond;
    if (!complete && samples.size() < end) return look(out, end);
    if (begin >= samples.size()) return result(out), sdk::Progress::done;
    if (hearing.prompt == "slowly") std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (!silent(begin)) segment(out);
    second += 2;
    return sdk::Progress::more;
  }

  // What has come of the upload. wait: it is too little to go on; `end` samples are needed next.
  sdk::Result<sdk::Progress> look(sdk::TaskContext& out, std::size_t end) {
    std::string_view bytes;
    const sdk::Input how = out.arrived(*upload, wanted, bytes);
    if (how == sdk::Input::whole) return sdk::invalid("the input is no upload", "audio");
    if (how == sdk::Input::cancelled)
      return sdk::Error{SERVAL_CANCELLED, "the request was cancelled", {}};
    complete = how == sdk::Input::end;
    if (!complete && bytes.size() < wanted) return sdk::Progress::wait;
    const auto found = samples_of(bytes, complete, hearing);
    if (!found) return found.error();
    samples = *found;
    wanted = end + (hearing.encoding == "file" ? kHeader : 0);
    return sdk::Progress::more;
  }

  void segment(sdk::TaskContext& out) {
    const double start = double(second), end = std::min(start + 2, duration());
    std::string text, list;
    for (int i = 0; i < 4 && start + i / 2.0 < end; ++i) {
      const char* word = kWords[words++ % std::size(kWords)];
      text += word;
      list += (list.empty() ? "" : ",") + ("{\"word\":" + sdk::json_quote(word)) +
              ",\"start\":" + number(start + i / 2.0) +
              ",\"end\":" + number(std::min(start + (i + 1) / 2.0, end)) + ",\"probability\":0.9}";
    }
    std::string meta = "{\"id\":" + std::to_string(segments++) +
                       ",\"seek\":" + std::to_string(second * 100) + ",\"start\":" + number(start) +
                       ",\"end\":" + number(end) +
                       R"(,"tokens":[1,2],"temperature":0.0,"avg_logprob":-0.2,)"
                       R"("compression_ratio":1.2,"no_speech_prob":0.01,"degraded":false)";
    if (hearing.timestamps == "word") meta += ",\"words\":[" + list + "]";
    out.text(0, text, meta + "}");
  }

  void result(sdk::TaskContext& out) {
    const std::string language = hearing.language == "de" ? "german" : "english";
    const std::string json = "{\"task\":\"" + hearing.task + "\",\"language\":\"" + language +
                             "\",\"language_probability\":1.0,\"duration\":" + number(duration()) +
                             ",\"speech_seconds\":" + std::to_string(2 * segments) +
                             ",\"failed\":[]}";
    out.emit(SERVAL_EVENT_JSON, 0, SERVAL_EVENT_FLAG_LAST, json);
  }

  std::string usage_json() const override {
    return "{\"audio_seconds\":" + number(duration()) +
           ",\"completion_tokens\":" + std::to_string(words) + "}";
  }
};

// The same for input that streams: a partial text for each half second, a final one for two.
struct TranscribeStream final : sdk::Task {
  const sdk::InputStream& input;
  std::string prompt;
  bool partials = true;
  std::string heard, text;  // samples of the segment under way, and its words
  std::size_t bytes = 0;    // of all samples
  int words = 0, segments = 0;

  explicit TranscribeStream(const sdk::InputStream& stream) : input(stream) {}

  double start() const { return 2.0 * segments; }
  double now() const { return double(bytes) / double(kSecond); }

  void emit(sdk::TaskContext& out, bool final) {
    out.text(0, text,
             std::string("{\"final\":") + (final ? "true" : "false") +
                 ",\"start\":" + number(start()) + ",\"end\":" + number(now()) + "}");
  }

  sdk::Result<sdk::Progress> step(sdk::TaskContext& out) override {
    char piece[kSecond / 2];
    std::size_t n = 0;
    const std::size_t left = kSecond / 2 - heard.size() % (kSecond / 2);
    switch (out.read(input, std::span(piece, left), n)) {
      case sdk::Input::some:
        break;
      case sdk::Input::none:
        return sdk::Progress::wait;
      case sdk::Input::end:
        return result(out), sdk::Progress::done;
      case sdk::Input::cancelled:
        return sdk::Error{SERVAL_CANCELLED, "the request was cancelled", {}};
      case sdk::Input::whole:
        return sdk::invalid("the input does not stream", "audio");
    }
    heard.append(piece, n);
    bytes += n;
    if (heard.size() % (kSecond / 2) != 0) return sdk::Progress::more;
    if (prompt == "slowly") std::this_thread::sleep_for(std::chrono::milliseconds(20));
    text += kWords[words++ % std::size(kWords)];
    const bool final = heard.size() == 2 * kSecond;
    if (final || partials) emit(out, final);
    if (final) next();
    return sdk::Progress::more;
  }

  void next() {
    heard.clear();
    text.clear();
    ++segments;
  }

  void result(sdk::TaskContext& out) {
    if (!text.empty()) emit(out, true);
    const std::string json = R"({"task":"transcribe","language":"english",)"
                             R"("language_probability":1.0,"duration":)" +
                             number(now()) + R"(,"failed":[]})";
    out.emit(SERVAL_EVENT_JSON, 0, SERVAL_EVENT_FLAG_LAST, json);
  }

  std::string usage_json() const override {
    return "{\"audio_seconds\":" + number(now()) +
           ",\"completion_tokens\":" + std::to_string(words) + "}";
  }
};

sdk::Result<std::unique_ptr<sdk::Task>> make_stream(const sdk::Request& request,
                                                    const sdk::InputStream& input) {
  auto task = std::make_unique<TranscribeStream>(input);
  std::string language;
  int64_t rate = 16'000, channels = 1;
  sdk::ParamReader params(request.params_json());
  params.optional("language", language);
  params.optional("prompt", task->prompt);
  params.optional("partials", task->partials);
  params.optional("sample_rate", rate, 16'000, 16'000);
  params.optional("channels", channels, 1, 1);
  if (const sdk::Status ok = params.finish(); !ok) return ok.error();
  return task;
}

sdk::Result<std::unique_ptr<sdk::Task>> make_task(const sdk::Request& request,
                                                  const sdk::InputStream& input) {
  auto task = std::make_unique<Transcribe>();
  const auto hearing = read_params(request);
  if (!hearing) return hearing.error();
  task->hearing = *hearing;
  if (request.op() == "transcribe_upload") {
    task->upload = &input;
    return task;
  }
  const auto samples = samples_of(request.input(0), true, task->hearing);
  if (!samples) return samples.error();
  task->samples = *samples;
  task->complete = true;
  return task;
}

struct SpeechPlugin final : sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig&) override {
    return sdk::Resource{.load_peak = 1 << 20, .steady = 8 << 20};
  }
  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig&, sdk::Host host,
                                                sdk::ModelRef model) override {
    return std::make_unique<sdk::TaskModel>(
        host, model, [input = sdk::InputStream(host)](const sdk::Request& request) {
          return request.op() == "transcribe_stream" ? make_stream(request, input)
                                                     : make_task(request, input);
        });
  }
};

}  // namespace

SERVAL_EXPORT_PLUGIN(SpeechPlugin, "org.serval.test.speech", "1.0.0",
                     SERVAL_OPS("transcribe", "transcribe_upload", "transcribe_stream"));
