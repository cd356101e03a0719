// The whisper plugin's face to the ABI: nothing behind this file knows it.
#include <algorithm>
#include <serval/sdk.hpp>

#include "plugins/whisper/engine/loaded_model.h"

namespace serval::whisper {
namespace {

// The host's word in the engine's; of what is there as a whole nothing more will come.
Input told(sdk::Input input) {
  switch (input) {
    case sdk::Input::some:
      return Input::some;
    case sdk::Input::none:
      return Input::none;
    case sdk::Input::cancelled:
      return Input::gone;
    case sdk::Input::end:
    case sdk::Input::whole:
      break;
  }
  return Input::end;
}

// One request of the host as the engine sees it.
class HostClient final : public sdk::EngineClient<Client, Error> {
 public:
  HostClient(sdk::Request request, const sdk::InputStream& input)
      : EngineClient(std::move(request)), input_(input) {}

  void emit(EventKind kind, std::string_view data, std::string_view meta_json, bool last) override {
    output_.emit(request_, kind == EventKind::json ? SERVAL_EVENT_JSON : SERVAL_EVENT_TEXT, 0,
                 last ? SERVAL_EVENT_FLAG_LAST : 0, data, meta_json);
  }
  Input read_input(std::span<char> to, std::size_t& n) override {
    const sdk::Input found = input_.read(request_, to, n);
    if (found != sdk::Input::whole) return told(found);
    const std::string_view rest = request_.input(0).substr(read_);
    n = std::min(to.size(), rest.size());
    std::copy_n(rest.begin(), n, to.begin());
    read_ += n;
    return n > 0 ? Input::some : Input::end;
  }
  Input arrived(std::size_t wanted, std::string_view& bytes) override {
    const sdk::Input found = input_.arrived(request_, wanted, bytes);
    if (found == sdk::Input::whole) bytes = request_.input(0);
    return told(found);
  }

 private:
  const sdk::InputStream& input_;
  std::size_t read_ = 0;  // of an input that is there as a whole
};

struct WhisperMetrics {
  explicit WhisperMetrics(const sdk::Metrics& define)
      : windows(define.counter("windows_total", "Windows of audio given out")),
        tokens(define.counter("tokens_total", "Tokens of their results")),
        audio(define.counter("audio_seconds_total", "Audio read, seconds")),
        padded(define.counter("padded_again_total", "Windows encoded again with all padding")),
        degraded(define.counter("degraded_total", "Windows whose result is not to be trusted")),
        failed(define.counter("failed_total", "Windows without a usable result")),
        partials(define.counter("partials_total", "Hypotheses of live speech that goes on")),
        pauses(define.counter("pauses_total", "Live pieces decoded before their pause was over")),
        pauses_kept(define.counter("pauses_kept_total", "Those that the speech ended with")),
        rows(define.histogram("decoder_rows", "Tokens of a decoder pass", kRowBounds)) {}

  void report(const EngineCounts& now) {
    windows.add(double(now.windows - last.windows));
    tokens.add(double(now.tokens - last.tokens));
    audio.add(now.audio_seconds - last.audio_seconds);
    padded.add(double(now.padded_again - last.padded_again));
    degraded.add(double(now.degraded - last.degraded));
    failed.add(double(now.failed - last.failed));
    partials.add(double(now.partials - last.partials));
    pauses.add(double(now.pauses - last.pauses));
    pauses_kept.add(double(now.pauses_kept - last.pauses_kept));
    if (now.steps > last.steps) rows.observe(now.rows);
    last = now;
  }

  static constexpr double kRowBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  sdk::Counter windows, tokens, audio, padded, degraded, failed, partials, pauses, pauses_kept;
  sdk::Histogram rows;
  EngineCounts last;
};

class WhisperEngine final : public sdk::LoadedEngine<LoadedModel, WhisperMetrics> {
 public:
  WhisperEngine(std::unique_ptr<LoadedModel> loaded, WhisperMetrics metrics, uint32_t most,
                sdk::InputStream input)
      : LoadedEngine(std::move(loaded), std::move(metrics), most), input_(input) {}

  void admit(sdk::Request request) override {
    const uint64_t id = request.id();
    auto client = std::make_unique<HostClient>(std::move(request), input_);
    const HostClient& host = *client;
    const sdk::Request& view = host.request();
    if (!view.adapter().empty())
      return client->fail(error(Code::unimplemented, "this model has no adapters", "adapter"));
    const std::string_view op = view.op(), params = view.params_json();
    const RequestInfo info{view.priority()};
    engine().submit(id, std::move(client), op, view.inputs(), params, info);
  }
  // Clients that dawdle are in nobody's way.
  uint32_t room() override {
    return room_beside(engine().running() - std::min(engine().waiting(), kMostWaiting));
  }
  void abort(const sdk::Error& why) override {
    engine().abort(error(Code(why.code), why.message, why.param));
  }
  void readable(uint64_t id) override { engine().readable(id); }

 private:
  static constexpr std::size_t kMostWaiting = 32;
  const sdk::InputStream input_;
};

class WhisperPlugin final : public sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig& config) override {
    const Result<WhisperConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    const Result<std::size_t> bytes = LoadedModel::plan(config.path, *parsed);
    if (!bytes) return sdk::Error::from(bytes.error());
    return sdk::Resource{.load_peak = *bytes, .steady = *bytes};
  }

  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig& config, sdk::Host host,
                                                sdk::ModelRef model) override {
    const Result<WhisperConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    const sdk::LoadProgress progress = host.progress(model);
    Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(
        config.path, *parsed,
        [&](int per_mille) { return progress.report(per_mille / 1000.0, "packing weights").ok(); },
        [host, name = std::string(config.name)](bool warning, const std::string& text) {
          host.log(warning ? sdk::Level::warn : sdk::Level::info, text, {{"model", name}});
        });
    if (!loaded) return sdk::Error::from(loaded.error());
    return std::make_unique<sdk::EngineModel>(
        host, model,
        std::make_unique<WhisperEngine>(std::move(*loaded), WhisperMetrics(host.metrics(model)),
                                        uint32_t(parsed->requests), sdk::InputStream(host)));
  }

  const char* config_schema() const override { return whisper::config_schema(); }
};

}  // namespace
}  // namespace serval::whisper

SERVAL_EXPORT_PLUGIN(serval::whisper::WhisperPlugin, "org.serval.whisper", "0.1.0",
                     SERVAL_OPS("transcribe", "transcribe_upload", "transcribe_stream", "describe"),
                     .vendor = "Serval", .license = "Apache-2.0",
                     .description = "Speech to text by Whisper models");
