#include "tests/host/protocols/fake_registry.h"

#include <utility>

#include "serval/request.h"

namespace serval::host {
namespace {

std::string usage(int64_t prompt_tokens, int64_t completion_tokens, int64_t cached) {
  return "{\"prompt_tokens\":" + std::to_string(prompt_tokens) +
         ",\"completion_tokens\":" + std::to_string(completion_tokens) +
         ",\"cached_tokens\":" + std::to_string(cached) + "}";
}

}  // namespace

std::optional<Event> FakeCall::pop() {
  std::unique_lock lock(mutex_);
  if (events_.empty()) {
    lock.unlock();
    if (const auto meanwhile = std::exchange(at_empty_pop, nullptr)) meanwhile();
    return std::nullopt;
  }
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Finish> FakeCall::finish() const {
  std::lock_guard lock(mutex_);
  return finish_;
}

void FakeCall::cancel(CancelReason reason) {
  std::lock_guard lock(mutex_);
  if (cancelled_ == CancelReason::none) cancelled_ = reason;
}

CancelReason FakeCall::cancelled() const {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

void FakeCall::on_ready(std::function<void()> ready) {
  bool now = false;
  {
    std::lock_guard lock(mutex_);
    ready_ = ready;
    now = !events_.empty() || finish_;
  }
  if (now && ready) ready();
}

void FakeCall::wake() {
  std::function<void()> ready;
  {
    std::lock_guard lock(mutex_);
    ready = ready_;
  }
  if (ready) ready();
}

void FakeCall::emit(Event event) {
  {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  wake();
}

void FakeCall::emit(uint32_t index, std::string text, std::string meta, bool last) {
  emit({SERVAL_EVENT_TEXT, index, last, std::move(text), std::move(meta), 0});
}

void FakeCall::close(uint32_t index, std::string reason) {
  emit(index, "", "{\"finish_reason\":\"" + reason + "\"}", true);
}

void FakeCall::end(int64_t prompt_tokens, int64_t completion_tokens, int64_t cached) {
  Finish finish;
  finish.usage_json = usage(prompt_tokens, completion_tokens, cached);
  {
    std::lock_guard lock(mutex_);
    finish_ = finish;
  }
  wake();
}

void FakeCall::fail(Error error, int64_t prompt_tokens, int64_t completion_tokens) {
  {
    std::lock_guard lock(mutex_);
    finish_.emplace();
    finish_->error = std::move(error);
    finish_->usage_json = usage(prompt_tokens, completion_tokens, 0);
  }
  wake();
}

FakeRegistry::FakeRegistry(std::string model, Script s) : script(std::move(s)) {
  info.name = std::move(model);
  info.plugin_id = "fake";
  info.plugin_version = "1";
  info.ops = {"chat", "complete"};
  info.state = ModelState::ready;
  info.created_unix = 1'700'000'000;
  info.version = 1;
}

Result<std::shared_ptr<Call>> FakeRegistry::submit(Request request) {
  if (refuse.code != Code::ok) return refuse;
  if (const auto model = find(request.model); !model) return model.error();
  auto call = std::make_shared<FakeCall>();
  if (script) script(request, call);
  requests.push_back(std::move(request));
  calls.push_back(call);
  return std::shared_ptr<Call>(call);
}

std::vector<ModelInfo> FakeRegistry::list() const {
  std::vector<ModelInfo> all{info};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

Result<ModelInfo> FakeRegistry::find(std::string_view name) const {
  for (const ModelInfo& model : list())
    if (model.name == name) return model;
  return error(Code::not_found, "no model " + std::string(name));
}

Status FakeRegistry::load(std::string_view name) {
  if (name != info.name) return error(Code::not_found, "no model " + std::string(name));
  loads.emplace_back("load " + std::string(name));
  return {};
}

Status FakeRegistry::unload(std::string_view name) {
  if (name != info.name) return error(Code::not_found, "no model " + std::string(name));
  loads.emplace_back("unload " + std::string(name));
  return {};
}

bool FakeRegistry::ready(std::vector<std::string>* why_not) const {
  if (info.state == ModelState::ready) return true;
  if (why_not != nullptr) why_not->push_back(info.name + ": " + info.reason);
  return false;
}

bool read_on(Got& got) {
  if (!got.reply) return true;
  if (got.response.status == 0) {
    std::optional<HttpResponse> head = got.reply->head();
    if (!head) return false;
    got.response = std::move(*head);
    if (!got.response.streamed) {
      got.reply.reset();
      return true;
    }
  }
  do {
    got.state = got.reply->read(got.response.body, 64u << 10);
  } while (got.state == Reply::State::more);
  if (got.state == Reply::State::wait) return false;
  got.reply.reset();
  return true;
}

namespace {

// The body comes in three pieces where it is taken as it arrives.
Handled handle(const Route& route, HttpRequest request) {
  if (!route.receiver) return route.handler(std::move(request));
  const std::string body = std::exchange(request.body, {});
  const auto receiver = route.receiver(std::move(request), body.size());
  const std::size_t piece = body.size() / 3 + 1;
  for (std::size_t at = 0; at < body.size(); at += piece)
    if (auto response = receiver->receive(std::string_view(body).substr(at, piece)))
      return std::move(*response);
  return receiver->finish();
}

}  // namespace

Got ask(const Router& router, HttpRequest request) {
  Got got;
  Router::Match match = router.find(request.method, request.path);
  if (match.route == nullptr) {
    got.response = router.error(request.path, 404, error(Code::not_found, "no route"));
    return got;
  }
  request.tail = match.tail;
  if (request.received_ns == 0) request.received_ns = now_ns();
  Handled handled = handle(*match.route, std::move(request));
  if (auto* response = std::get_if<HttpResponse>(&handled)) {
    got.response = std::move(*response);
    return got;
  }
  got.reply = std::move(std::get<std::unique_ptr<Reply>>(handled));
  got.response.status = 0;
  read_on(got);
  return got;
}

Got post_json(const Router& router, const std::string& path, const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.path = path;
  request.body = body;
  request.headers.add("content-type", "application/json");
  return ask(router, std::move(request));
}

std::vector<std::string> sse_data(const std::string& body) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < body.size()) {
    std::size_t end = body.find("\n\n", at);
    if (end == std::string::npos) end = body.size();
    const std::string event = body.substr(at, end - at);
    if (event.rfind("data: ", 0) == 0) out.push_back(event.substr(6));
    at = end + 2;
  }
  return out;
}

}  // namespace serval::host
