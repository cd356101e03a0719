#include "host/protocols/openai/generation.h"

#include "host/net/router.h"
#include "host/protocols/json_text.h"
#include "host/protocols/next_of.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/request_headers.h"
#include "serval/request.h"

namespace serval::host {
namespace {

Error broken(std::string what) {
  return error(Code::internal, "the model's plugin broke its contract: " + std::move(what));
}

Status parse_meta(const std::string& text, EventMeta& meta) {
  boost::system::error_code ec;
  json::value value = json::parse(text, ec);
  if (ec || !value.is_object()) return broken("meta_json is not a JSON object");
  json::object& object = value.get_object();
  if (json::value* tokens = object.if_contains("tokens"); tokens && tokens->is_array()) {
    meta.tokens = std::move(tokens->get_array());
    meta.has_tokens = true;
  }
  if (const json::value* prompt = object.if_contains("prompt"))
    meta.prompt = prompt->is_bool() && prompt->get_bool();
  if (const json::value* reason = object.if_contains("finish_reason");
      reason && reason->is_string())
    meta.finish_reason = reason->get_string();
  return {};
}

int64_t count_of(const json::object& usage, std::string_view key) {
  const json::value* count = usage.if_contains(key);
  return count != nullptr && count->is_int64() ? count->get_int64() : 0;
}

void add_usage(const std::string& text, Usage& usage) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  if (ec || !value.is_object()) return;
  usage.prompt_tokens += count_of(value.get_object(), "prompt_tokens");
  usage.completion_tokens += count_of(value.get_object(), "completion_tokens");
  usage.cached_tokens += count_of(value.get_object(), "cached_tokens");
}

}  // namespace

void append_usage(std::string& out, const Usage& usage) {
  out += "{\"prompt_tokens\":";
  append_number(out, usage.prompt_tokens);
  out += ",\"completion_tokens\":";
  append_number(out, usage.completion_tokens);
  out += ",\"total_tokens\":";
  append_number(out, usage.prompt_tokens + usage.completion_tokens);
  out += ",\"prompt_tokens_details\":{\"cached_tokens\":";
  append_number(out, usage.cached_tokens);
  out += "}}";
}

Generation::Generation(GenerationSetup setup)
    : setup_(std::move(setup)),
      call_done_(setup_.calls.size()),
      choice_done_(setup_.calls.size() * std::size_t(setup_.choices_per_call)),
      calls_left_(setup_.calls.size()) {}

Generation::~Generation() {
  for (const auto& call : setup_.calls) call->on_ready(nullptr);
  cancel_rest();
}

void Generation::cancel_rest() {
  for (std::size_t i = 0; i < setup_.calls.size(); ++i)
    if (!call_done_[i]) setup_.calls[i]->cancel(CancelReason::client);
}

void Generation::on_ready(std::function<void()> ready) {
  for (const auto& call : setup_.calls) call->on_ready(ready);
}

Status Generation::take(std::size_t call, const Event& event, std::string& out) {
  if (event.kind != SERVAL_EVENT_TEXT) return {};
  if (event.index >= uint32_t(setup_.choices_per_call)) return broken("event of no choice");
  const std::size_t choice = call * std::size_t(setup_.choices_per_call) + event.index;
  if (choice_done_[choice]) return broken("event behind the last of its choice");
  EventMeta meta;
  if (!event.meta_json.empty()) {
    Status status = parse_meta(event.meta_json, meta);
    if (!status) return status;
  }
  if (event.last) {
    choice_done_[choice] = true;
    if (meta.finish_reason.empty()) return broken("last event without a finish_reason");
  }
  setup_.renderer->event(int(choice), event, meta, out);
  if (!setup_.streamed && setup_.renderer->held() + out.size() > setup_.response_bytes)
    return error(Code::out_of_range, "the reply is larger than " +
                                         std::to_string(setup_.response_bytes) +
                                         " bytes; ask for a stream or for less");
  return {};
}

// The end of one call: a reply is good only if every choice is complete, or its time was up.
Status Generation::settle(std::size_t call, const Finish& finish) {
  call_done_[call] = true;
  --calls_left_;
  if (finish.error.code == Code::deadline_exceeded) {
    late_ = finish.error;
    add_usage(finish.usage_json, usage_);
    return {};
  }
  if (finish.error.code != Code::ok) return finish.error;
  for (int i = 0; i < setup_.choices_per_call; ++i)
    if (!choice_done_[call * std::size_t(setup_.choices_per_call) + std::size_t(i)])
      return broken("a choice without a last event");
  add_usage(finish.usage_json, usage_);
  return {};
}

// Ends the choices that the deadline has cut.
void Generation::close_late(std::string& out) {
  Event last;
  last.last = true;
  EventMeta meta;
  meta.finish_reason = "deadline";
  for (std::size_t choice = 0; choice < choice_done_.size(); ++choice)
    if (!choice_done_[choice]) setup_.renderer->event(int(choice), last, meta, out);
}

Generation::Progress Generation::drain(std::size_t i, std::string& out, std::size_t most) {
  Status status;
  while (out.size() < most) {
    const auto [event, finish] = next_of(*setup_.calls[i]);
    if (!event) {
      if (!finish) return Progress::wait;
      status = settle(i, *finish);
      if (status) return Progress::done;
      error_ = status.error();
      return Progress::failed;
    }
    if (!begun_ && event->kind == SERVAL_EVENT_TEXT) {
      begun_ = true;
      setup_.renderer->begin(out);
    }
    status = take(i, *event, out);
    if (status) continue;
    error_ = status.error();
    return Progress::failed;
  }
  return Progress::more;
}

Generation::Progress Generation::advance(std::string& out, std::size_t most) {
  bool more = false;
  for (std::size_t i = 0; i < setup_.calls.size(); ++i) {
    if (call_done_[i]) continue;
    const Progress progress = drain(i, out, most);
    if (progress == Progress::failed) {
      cancel_rest();
      return progress;
    }
    more = more || progress == Progress::more;
  }
  if (calls_left_ > 0) return more ? Progress::more : Progress::wait;
  if (late_.code != Code::ok) {
    if (!begun_) {
      error_ = late_;
      return Progress::failed;
    }
    close_late(out);
  }
  if (!begun_) {
    begun_ = true;
    setup_.renderer->begin(out);
  }
  setup_.renderer->end(usage_, out);
  return Progress::done;
}

std::optional<HttpResponse> Generation::head() {
  const std::size_t most = setup_.streamed ? 16u << 10 : setup_.response_bytes + 1;
  const Progress progress = advance(first_, most);
  if (progress == Progress::failed && !(setup_.streamed && begun_)) return openai_error(error_);
  const bool complete = progress == Progress::done || progress == Progress::failed;
  if (!complete && !(setup_.streamed && begun_)) return std::nullopt;

  HttpResponse response;
  if (setup_.streamed) {
    response = event_stream();
    first_progress_ = progress;
  } else {
    response.headers.add("content-type", "application/json");
    response.body = std::move(first_);
  }
  response.headers.add("openai-processing-ms", elapsed_ms(setup_.received_ns));
  return response;
}

Reply::State Generation::read(std::string& out, std::size_t most) {
  Progress progress = first_progress_;
  out += first_;
  first_.clear();
  first_progress_ = Progress::wait;
  if (progress == Progress::wait || progress == Progress::more)
    progress = advance(out, out.size() + most);
  switch (progress) {
    case Progress::wait:
      return State::wait;
    case Progress::more:
      return State::more;
    case Progress::done:
      return State::done;
    case Progress::failed:
      break;
  }
  out += "data: ";
  out += openai_error_json(http_status(error_.code), error_);
  out += "\n\n";
  return State::failed;
}

}  // namespace serval::host
