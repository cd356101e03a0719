// WebSocket /v1/audio/transcriptions/stream: samples in, texts out (docs/http-api.md).
#include <algorithm>
#include <deque>

#include "host/net/websocket.h"
#include "host/protocols/json_text.h"
#include "host/protocols/model_choice.h"
#include "host/protocols/next_of.h"
#include "host/protocols/openai/audio.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/request_headers.h"
#include "serval/request.h"

namespace serval::host {
namespace {

// When which bytes of the audio arrived, for latencies.
class Arrivals {
 public:
  void add(std::size_t bytes) {
    total_ += bytes;
    if (marks_.size() == kMost) {  // nobody has asked for long: every other one will do
      for (std::size_t i = 0; i < kMost / 2; ++i) marks_[i] = marks_[2 * i + 1];
      marks_.resize(kMost / 2);
    }
    marks_.push_back({total_, now_ns()});
  }
  // Milliseconds since the byte arrived. last: nothing before it is asked for again.
  int64_t since_ms(double byte, bool last) {
    if (marks_.empty()) return 0;
    auto found = std::partition_point(marks_.begin(), marks_.end() - 1, [byte](const Mark& mark) {
      return double(mark.bytes) < byte;
    });
    const uint64_t ns = found->ns;
    if (last) marks_.erase(marks_.begin(), found);
    return int64_t((now_ns() - ns) / 1'000'000);
  }

 private:
  static constexpr std::size_t kMost = 4096;
  struct Mark {
    uint64_t bytes, ns;
  };
  uint64_t total_ = 0;
  std::deque<Mark> marks_;
};

uint16_t close_code(Code code) {
  switch (code) {
    case Code::cancelled:
      return kCloseGoingAway;
    case Code::out_of_range:
      return kCloseTooBig;
    case Code::resource_exhausted:
    case Code::unavailable:
      return kCloseTryLater;
    case Code::unknown:
    case Code::internal:
    case Code::data_loss:
      return kCloseInternal;
    default:
      return kClosePolicy;
  }
}

class LiveTranscription final : public WebSocket {
 public:
  LiveTranscription(ModelRegistry* registry, std::string query, Request request)
      : registry_(registry), query_(std::move(query)), request_(std::move(request)) {}
  ~LiveTranscription() override {
    input_->on_room(nullptr);
    if (!call_) return;
    call_->on_ready(nullptr);
    if (!over_) call_->cancel(CancelReason::client);
  }

  void on_ready(std::function<void()> ready) override { ready_ = std::move(ready); }
  bool receive(const WsMessage& message) override;
  WsClose send(std::string& out, std::size_t most) override;

 private:
  Status start(const WsMessage& message);
  Status control(std::string_view text);
  Status take(const Event& event, std::string& out);
  Status text(const Event& event, std::string& out);
  WsClose settle(const Finish& finish, std::string& out);
  WsClose refuse(const Error& error, std::string& out);

  ModelRegistry* const registry_;
  const std::string query_;
  Request request_;  // until it is submitted
  std::function<void()> ready_;
  const std::shared_ptr<InputStream> input_ = std::make_shared<InputStream>();
  std::shared_ptr<Call> call_;
  int64_t bytes_per_second_ = 0;
  Arrivals arrivals_;
  std::size_t written_ = 0;  // of the message under way
  bool offered_ = false;     // ... which has been seen
  bool ended_ = false;       // the client has said so
  bool over_ = false;        // the call has ended
  Transcript result_{TranscriptForm{}};
  Status fault_;  // of the client; answered by send()
};

Status LiveTranscription::start(const WsMessage& message) {
  if (message.kind != WsMessage::Kind::text)
    return invalid("the first message must be the parameters, as JSON");
  Result<LiveParams> params = parse_live(message.data);
  if (!params) return params.error();
  Result<std::string> model = model_named(params->model, query_);
  if (!model) return model.error();
  if (model->empty()) return invalid("model is missing", "model");
  request_.model = std::move(*model);
  request_.params_json = json::serialize(params->plugin);
  request_.inputs.emplace_back();
  request_.stream = input_;
  bytes_per_second_ = params->bytes_per_second;
  Result<std::shared_ptr<Call>> call = registry_->submit(std::move(request_));
  if (!call) return about_model(std::move(call).error());
  call_ = std::move(*call);
  input_->on_room(ready_);
  call_->on_ready(ready_);
  return {};
}

// A text message behind the first.
Status LiveTranscription::control(std::string_view text) {
  const Result<json::object> root = parse_json_object(text, "a message must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  std::string type;
  reader.read("type", type);
  if (type != "end") reader.fail("type", "type must be \"end\"");
  if (Status status = reader.finish(); !status) return status;
  ended_ = true;
  input_->end();
  return {};
}

bool LiveTranscription::receive(const WsMessage& message) {
  if (!fault_ || over_) return true;  // nobody listens any more
  if (!call_) {
    fault_ = start(message);
  } else if (message.kind == WsMessage::Kind::text) {
    fault_ = control(message.data);
  } else if (ended_) {
    fault_ = invalid("audio follows its end");
  } else {
    if (!std::exchange(offered_, true)) arrivals_.add(message.data.size());
    written_ += input_->write(std::string_view(message.data).substr(written_));
    if (written_ < message.data.size()) return false;
    written_ = 0;
    offered_ = false;
  }
  return true;
}

Status LiveTranscription::text(const Event& event, std::string& out) {
  const Result<json::value> meta = parse_json(event.meta_json);
  const json::value* final =
      meta && meta->is_object() ? meta->get_object().if_contains("final") : nullptr;
  if (final == nullptr || !final->is_bool())
    return error(Code::internal, "the model's plugin broke its contract: a text without `final`");
  const auto times = Transcript::times(meta->get_object());
  if (!times) return times.error();
  std::string frame = "{\"type\":\"transcript.text.";
  frame += final->get_bool() ? "final\",\"text\":" : "partial\",\"text\":";
  append_json_string(frame, event.data);
  frame += ",\"start\":";
  append_double(frame, times->first);
  frame += ",\"end\":";
  append_double(frame, times->second);
  frame += ",\"latency_ms\":";
  const double end = times->second * double(bytes_per_second_);
  append_number(frame, arrivals_.since_ms(end, final->get_bool()));
  frame += '}';
  append_ws_frame(out, WsMessage::Kind::text, frame);
  return {};
}

Status LiveTranscription::take(const Event& event, std::string& out) {
  if (event.kind == SERVAL_EVENT_TEXT && !event.last && !result_.complete())
    return text(event, out);
  return result_.take(event);
}

WsClose LiveTranscription::refuse(const Error& error, std::string& out) {
  std::string frame = "{\"type\":\"error\",";
  frame += openai_error_json(http_status(error.code), error).substr(1);
  append_ws_frame(out, WsMessage::Kind::text, frame);
  return {close_code(error.code), error.message};
}

WsClose LiveTranscription::settle(const Finish& finish, std::string& out) {
  over_ = true;
  if (finish.error.code != Code::ok) return refuse(finish.error, out);
  if (!result_.complete())
    return refuse(
        error(Code::internal, "the model's plugin broke its contract: no result has come"), out);
  std::string frame = "{\"type\":\"transcript.text.done\",\"language\":";
  append_json_string(frame, result_.language());
  frame += ",\"usage\":";
  result_.append_usage(frame);
  result_.append_failed(frame);
  frame += '}';
  append_ws_frame(out, WsMessage::Kind::text, frame);
  return {kCloseNormal, {}};
}

WsClose LiveTranscription::send(std::string& out, std::size_t most) {
  if (!fault_) return refuse(fault_.error(), out);
  for (const std::size_t end = out.size() + most; call_ && out.size() < end;) {
    const auto [event, finish] = next_of(*call_);
    if (finish) return settle(*finish, out);
    if (!event) return {};
    if (const Status status = take(*event, out); !status) return refuse(status.error(), out);
  }
  return {};
}

}  // namespace

Result<LiveParams> parse_live(std::string_view message) {
  const Result<json::object> root =
      parse_json_object(message, "the parameters must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  LiveParams params;
  reader.read("model", params.model);
  std::string encoding = "pcm_s16le", task = "transcribe";
  reader.read("encoding", encoding);
  if (encoding != "pcm_s16le") reader.fail("encoding", "encoding must be \"pcm_s16le\"");
  reader.read("task", task);
  if (task != "transcribe" && task != "translate")
    reader.fail("task", "task must be \"transcribe\" or \"translate\"");
  if (reader.value("task") != nullptr) params.plugin["task"] = task;
  bool partials = true;
  reader.read("partials", partials);
  if (!partials) params.plugin["partials"] = false;
  int64_t rate = 16'000, channels = 1;
  reader.read("sample_rate", rate, 1, 1 << 20);
  reader.read("channels", channels, 1, 64);
  params.bytes_per_second = rate * channels * 2;
  read_speech_options(reader, params.plugin);
  if (const Status status = reader.finish(); !status) return status.error();
  return params;
}

Handled transcribe_live(const OpenAiOptions& options, const HttpRequest& http) {
  HttpResponse handshake = ws_handshake(http);
  if (handshake.status != 101) return handshake;
  Request request;
  request.op = "transcribe_stream";
  if (const Status status = apply_headers(http, true, request); !status)
    return openai_error(status.error());
  return Upgrade{std::move(handshake), std::make_unique<LiveTranscription>(
                                           options.registry, http.query, std::move(request))};
}

}  // namespace serval::host
