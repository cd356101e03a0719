// An answer passes the credit of a stream that is much smaller than it.
#include <gtest/gtest.h>

#include "common/json.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/tei/forms.h"
#include "host/queue/model_queue.h"
#include "host/queue/request_table.h"
#include "serval/plugin.h"
#include "tests/host/protocols/fake_embedder.h"

namespace serval::host {
namespace {

constexpr std::size_t kItems = 2048, kDimensions = 384;

class QueueRegistry final : public FakeRegistry {
 public:
  explicit QueueRegistry(std::shared_ptr<ModelQueue> queue)
      : FakeRegistry("m"), queue_(std::move(queue)) {}
  Result<std::shared_ptr<Call>> submit(Request request) override {
    return queue_->submit(std::move(request));
  }

 private:
  const std::shared_ptr<ModelQueue> queue_;
};

std::shared_ptr<RequestState> pull_one(ModelQueue& queue) {
  serval_request* handle = nullptr;
  const serval_budget budget{sizeof budget, 1, 0, 0};
  const int32_t n = queue.pull(budget, &handle, 1);
  return n == 1 ? RequestTable::instance().find(RequestTable::id(handle)) : nullptr;
}

serval_status emit(ModelQueue& queue, RequestState& request, const Event& event) {
  serval_event abi{};
  abi.size = sizeof abi;
  abi.kind = event.kind;
  abi.index = event.index;
  abi.flags = SERVAL_EVENT_FLAG_LAST;
  abi.data = {event.data.data(), event.data.size(), SERVAL_MEM_HOST, 0};
  abi.meta_json = {event.meta_json.data(), event.meta_json.size()};
  return queue.emit(request, abi);
}

// The plugin emits until it is refused; the reader takes what is there, which must tell the plugin
// to go on. 3 MB of results against a buffer of 256 KiB.
TEST(ItemCredit, ThreeMegabytesOfEmbeddingsAreNotParkedForEver) {
  ModelQueueOptions options;
  options.model = "m";
  const auto queue = ModelQueue::make(options);
  int writable = 0;
  queue->set_signal_sink(
      [&](uint32_t kind, uint64_t) { writable += kind == SERVAL_SIGNAL_WRITABLE; });
  QueueRegistry registry(queue);

  ItemSetup setup;
  setup.registry = &registry;
  setup.models = {"m"};
  setup.items = kItems;
  setup.parts.emplace_back().request.op = "embed";
  setup.form = tei_tensors(1);
  setup.form.error = openai_error;
  setup.response_bytes = 64u << 20;
  Handled handled = answer_items(std::move(setup));
  Got got;
  got.reply = std::move(std::get<std::unique_ptr<Reply>>(handled));
  got.response.status = 0;

  const auto request = pull_one(*queue);
  ASSERT_NE(request, nullptr);
  int parked = 0;
  for (std::size_t i = kItems; i-- > 0;) {
    const Event event =
        tensor_event(uint32_t(i), text_vector(std::to_string(i), kDimensions), {kDimensions});
    serval_status status = emit(*queue, *request, event);
    if (status == SERVAL_RESOURCE_EXHAUSTED) {
      ++parked;
      EXPECT_FALSE(read_on(got));
      ASSERT_EQ(writable, parked);
      status = emit(*queue, *request, event);
    }
    ASSERT_EQ(status, SERVAL_OK);
  }
  EXPECT_GT(parked, 8);
  const std::string usage = "{\"prompt_tokens\":7}";
  const serval_finish done{sizeof done, SERVAL_OK, nullptr, {usage.data(), usage.size()}};
  RequestTable::instance().take(request->id);
  queue->finish(*request, done);
  ASSERT_TRUE(read_on(got));
  ASSERT_EQ(got.response.status, 200) << got.response.body.substr(0, 200);
  const Result<json::value> body = parse_json(got.response.body);
  ASSERT_TRUE(body);
  ASSERT_EQ(body->as_array().size(), kItems);
  for (const std::size_t i : {std::size_t(0), std::size_t(1000), kItems - 1}) {
    const std::vector<float> want = text_vector(std::to_string(i), kDimensions);
    for (std::size_t d = 0; d < kDimensions; ++d)
      EXPECT_EQ(body->as_array()[i].as_array()[d].to_number<float>(), want[d]);
  }
}

}  // namespace
}  // namespace serval::host
