// The adapter's end of a queued request.
#pragma once

#include "host/queue/model_queue.h"

namespace serval::host {

class QueueCall : public Call {
 public:
  explicit QueueCall(std::shared_ptr<RequestState> request) : request_(std::move(request)) {}
  ~QueueCall() override { request_->queue->abandon(*request_); }

  std::optional<Event> pop() override { return request_->queue->pop(*request_); }
  std::optional<Finish> finish() const override { return request_->stream.finish(); }
  void cancel(CancelReason reason) override { request_->queue->cancel(*request_, reason); }
  void on_ready(std::function<void()> ready) override {
    request_->stream.on_ready(std::move(ready));
  }

 private:
  const std::shared_ptr<RequestState> request_;
};

}  // namespace serval::host
