#include "host/protocols/item_reply.h"

#include <algorithm>

#include "common/json.h"
#include "host/protocols/next_of.h"
#include "serval/request.h"

namespace serval::host {
namespace {

Error broken(const char* what) {
  return error(Code::internal, std::string("the model's plugin broke its contract: ") + what);
}

void add_usage(const Finish& finish, ItemUsage& usage) {
  usage.queue_ns = std::max(usage.queue_ns, finish.pulled_ns - finish.accepted_ns);
  usage.run_ns = std::max(usage.run_ns, finish.finished_ns - finish.pulled_ns);
  boost::system::error_code ec;
  const json::value value = json::parse(finish.usage_json, ec);
  if (ec || !value.is_object()) return;
  const json::value* tokens = value.get_object().if_contains("prompt_tokens");
  if (tokens != nullptr && tokens->is_int64()) usage.prompt_tokens += tokens->get_int64();
}

class ItemReply final : public Reply {
 public:
  explicit ItemReply(ItemSetup setup) : setup_(std::move(setup)) {}
  ~ItemReply() override { drop_calls(); }

  // Hands the parts to the next model.
  Status submit();

  void on_ready(std::function<void()> ready) override {
    ready_ = std::move(ready);
    listen();
  }
  std::optional<HttpResponse> head() override;
  State read(std::string&, std::size_t) override { return State::done; }

 private:
  enum class Progress { wait, done, failed };
  struct Running {
    std::shared_ptr<Call> call;
    std::size_t left = 0;  // items that have not come
    bool ended = false;
  };

  Progress advance();
  Progress drain(std::size_t part);
  Status take(std::size_t part, const Event& event);
  Status settle(std::size_t part, const Finish& finish);
  void listen();
  void drop_calls();

  ItemSetup setup_;
  std::size_t next_model_ = 0;
  std::vector<Running> running_;  // one a part
  std::vector<std::string> pieces_;
  std::vector<bool> given_;
  std::size_t held_ = 0;
  ItemUsage usage_;
  Error error_{Code::ok, {}, {}, 0};
  std::function<void()> ready_;
};

Status ItemReply::submit() {
  const std::string& model = setup_.models[next_model_++];
  const bool last = next_model_ == setup_.models.size();
  pieces_.assign(setup_.items, {});
  given_.assign(setup_.items, false);
  held_ = 0;
  usage_ = {};
  for (ItemPart& part : setup_.parts) {
    const std::size_t items = part.places.empty() ? setup_.items : part.places.size();
    part.request.model = model;
    auto call = setup_.registry->submit(last ? std::move(part.request) : part.request);
    if (!call) return std::move(call).error();
    running_.push_back({std::move(*call), items, false});
  }
  return {};
}

void ItemReply::listen() {
  for (const Running& running : running_) running.call->on_ready(ready_);
}

void ItemReply::drop_calls() {
  for (const Running& running : running_) {
    running.call->on_ready(nullptr);
    if (!running.ended) running.call->cancel(CancelReason::client);
  }
  running_.clear();
}

Status ItemReply::take(std::size_t part, const Event& event) {
  if (event.kind == SERVAL_EVENT_PROGRESS) return {};
  const std::vector<uint32_t>& places = setup_.parts[part].places;
  const std::size_t most = places.empty() ? setup_.items : places.size();
  if (event.index >= most) return broken("a result of no item");
  const std::size_t place = places.empty() ? event.index : places[event.index];
  if (event.kind != setup_.form.kind) return broken("a result of another kind");
  if (given_[place] || !event.last) return broken("an item with more than one result");
  given_[place] = true;
  --running_[part].left;
  if (Status status = setup_.form.item(event, pieces_[place]); !status) return status;
  held_ += pieces_[place].size();
  if (held_ > setup_.response_bytes)
    return error(Code::out_of_range, "the reply is larger than " +
                                         std::to_string(setup_.response_bytes) +
                                         " bytes; ask for less at a time");
  return {};
}

Status ItemReply::settle(std::size_t part, const Finish& finish) {
  running_[part].ended = true;
  if (finish.error.code != Code::ok) return finish.error;
  if (running_[part].left > 0) return broken("an item without a result");
  add_usage(finish, usage_);
  return {};
}

ItemReply::Progress ItemReply::drain(std::size_t part) {
  const std::shared_ptr<Call> call = running_[part].call;
  for (;;) {
    const auto [event, finish] = next_of(*call);
    if (!event && !finish) return Progress::wait;
    const Status status = event ? take(part, *event) : settle(part, *finish);
    if (!status) {
      error_ = status.error();
      return Progress::failed;
    }
    if (!event) return Progress::done;
  }
}

ItemReply::Progress ItemReply::advance() {
  Progress all = Progress::done;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (running_[i].ended) continue;
    const Progress progress = drain(i);
    if (progress == Progress::failed) return progress;
    if (progress == Progress::wait) all = progress;
  }
  return all;
}

std::optional<HttpResponse> ItemReply::head() {
  Progress progress = advance();
  while (progress == Progress::failed && error_.code == Code::unimplemented &&
         next_model_ < setup_.models.size()) {
    if (setup_.refused) setup_.refused(setup_.models[next_model_ - 1]);
    drop_calls();
    if (const Status status = submit(); !status) {
      error_ = status.error();
      break;
    }
    listen();
    progress = advance();
  }
  if (progress == Progress::wait) return std::nullopt;
  if (progress == Progress::failed) {
    drop_calls();
    return setup_.form.error(error_);
  }
  Result<std::string> body = setup_.form.body(pieces_, usage_);
  if (!body) return setup_.form.error(body.error());
  HttpResponse response;
  response.headers.add("content-type", "application/json");
  if (setup_.form.headers) setup_.form.headers(usage_, response);
  response.body = std::move(*body);
  return response;
}

}  // namespace

Handled answer_items(ItemSetup setup) {
  const auto form = setup.form.error;
  auto reply = std::make_unique<ItemReply>(std::move(setup));
  if (const Status status = reply->submit(); !status) return form(status.error());
  return std::unique_ptr<Reply>(std::move(reply));
}

std::string joined(const std::vector<std::string>& pieces) {
  std::size_t size = 2;
  for (const std::string& piece : pieces) size += piece.size() + 1;
  std::string out = "[";
  out.reserve(size);
  for (const std::string& piece : pieces) {
    if (out.size() > 1) out += ',';
    out += piece;
  }
  return out += ']';
}

ItemForm json_items(bool single) {
  ItemForm form;
  form.kind = SERVAL_EVENT_JSON;
  form.item = [](const Event& event, std::string& piece) -> Status {
    if (event.data.empty() || event.data.front() != '[') return broken("a result that is no array");
    piece = event.data;
    return {};
  };
  form.body = [single](const std::vector<std::string>& pieces, const ItemUsage&) {
    return Result<std::string>(single ? pieces.front() : joined(pieces));
  };
  return form;
}

}  // namespace serval::host
