#include "host/protocols/openai/audio.h"

#include "host/protocols/json_text.h"
#include "host/protocols/next_of.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/openai/renderers.h"
#include "host/protocols/request_headers.h"
#include "serval/request.h"

namespace serval::host {
namespace {

// The model speaks of the audio; the client knows it as `file`.
Error about_file(Error error) {
  if (error.param == "audio") error.param = "file";
  return about_model(std::move(error));
}

// One transcription: in one piece, or as an event a segment. An error before the first event is an
// HTTP status; after it, one `data: {"error":..}` and a broken stream.
class TranscriptionReply final : public Reply {
 public:
  explicit TranscriptionReply(TranscriptionSetup setup)
      : setup_(std::move(setup)), transcript_(setup_.form) {}
  ~TranscriptionReply() override {
    setup_.call->on_ready(nullptr);
    if (!over_) setup_.call->cancel(CancelReason::client);
  }

  void on_ready(std::function<void()> ready) override { setup_.call->on_ready(std::move(ready)); }
  std::optional<HttpResponse> head() override;
  State read(std::string& out, std::size_t most) override;
  std::string_view ping() const override { return ": ping\n\n"; }

 private:
  State advance(std::string& out, std::size_t most);
  Next next();
  Status take(const Event& event, std::string& out);
  Status settle(const Finish& finish, std::string& out);
  void append_done(std::string& out) const;

  TranscriptionSetup setup_;
  Transcript transcript_;
  std::size_t sent_ = 0;  // bytes of the text that have gone out as deltas
  bool over_ = false;     // the call has ended
  bool begun_ = false;    // streamed: something has come
  Error error_{Code::ok, {}, {}, 0};
  std::string first_;  // streamed: rendered before the head was asked for
  State first_state_ = State::wait;
};

Status TranscriptionReply::take(const Event& event, std::string& out) {
  if (Status status = transcript_.take(event); !status) return status;
  if (transcript_.bytes() > setup_.response_bytes)
    return error(Code::out_of_range, "the reply is larger than " +
                                         std::to_string(setup_.response_bytes) +
                                         " bytes; ask for another response_format");
  // White space at the end may turn out to be that of the whole text, which has none.
  const std::string_view text = transcript_.text();
  if (!setup_.streamed || text.size() <= sent_) return {};
  out += "data: {\"type\":\"transcript.text.delta\",\"delta\":";
  append_json_string(out, text.substr(sent_));
  out += "}\n\n";
  sent_ = text.size();
  return {};
}

void TranscriptionReply::append_done(std::string& out) const {
  out += "data: {\"type\":\"transcript.text.done\",\"text\":";
  append_json_string(out, transcript_.text());
  out += ",\"usage\":";
  transcript_.append_usage(out);
  transcript_.append_failed(out);
  out += "}\n\n";
  out += kStreamEnd;
}

Status TranscriptionReply::settle(const Finish& finish, std::string& out) {
  over_ = true;
  if (finish.error.code != Code::ok) return about_file(finish.error);
  if (!transcript_.complete())
    return error(Code::internal, "the model's plugin broke its contract: no result has come");
  if (setup_.streamed) append_done(out);
  return {};
}

Next TranscriptionReply::next() {
  if (setup_.heard.empty()) return next_of(*setup_.call);
  Next next;
  next.event = std::move(setup_.heard.front());
  setup_.heard.pop_front();
  return next;
}

Reply::State TranscriptionReply::advance(std::string& out, std::size_t most) {
  while (out.size() < most) {
    const auto [event, finish] = next();
    if (!event && !finish) return State::wait;
    const Status status = event ? take(*event, out) : settle(*finish, out);
    if (!status) {
      error_ = status.error();
      return State::failed;
    }
    if (finish) return State::done;
    begun_ = begun_ || event->kind != SERVAL_EVENT_PROGRESS;
  }
  return State::more;
}

std::optional<HttpResponse> TranscriptionReply::head() {
  first_state_ = advance(first_, 16u << 10);
  HttpResponse response;
  if (setup_.streamed && begun_) {
    response = event_stream();
  } else if (first_state_ == State::failed) {
    return openai_error(error_);
  } else if (first_state_ == State::done) {
    response.headers.add("content-type", std::string(transcript_.content_type()));
    if (const std::string failed = transcript_.failed_seconds(); !failed.empty())
      response.headers.add("x-failed-seconds", failed);
    response.body = transcript_.body();
  } else {
    return std::nullopt;
  }
  response.headers.add("openai-processing-ms", elapsed_ms(setup_.received_ns));
  return response;
}

Reply::State TranscriptionReply::read(std::string& out, std::size_t most) {
  out += first_;
  first_.clear();
  State state = std::exchange(first_state_, State::wait);
  if (state == State::wait || state == State::more) state = advance(out, out.size() + most);
  if (state != State::failed) return state;
  out += "data: ";
  out += openai_error_json(http_status(error_.code), error_);
  out += "\n\n";
  return state;
}

}  // namespace

std::unique_ptr<Reply> transcription_reply(TranscriptionSetup setup) {
  return std::make_unique<TranscriptionReply>(std::move(setup));
}

}  // namespace serval::host
