// Results of items become one answer.
#include "host/protocols/item_reply.h"

#include <cmath>
#include <gtest/gtest.h>

#include "host/protocols/openai/errors.h"
#include "host/protocols/tei/forms.h"
#include "serval/request.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

struct Items : testing::Test {
  FakeRegistry registry{"m"};

  Got start(std::size_t items, ItemForm form, std::size_t response_bytes = 1 << 20) {
    ItemSetup setup;
    setup.registry = &registry;
    setup.models = {"m"};
    setup.items = items;
    setup.parts.emplace_back().request.op = "embed";
    setup.form = std::move(form);
    setup.form.error = openai_error;
    setup.response_bytes = response_bytes;
    Got got;
    Handled handled = answer_items(std::move(setup));
    if (auto* response = std::get_if<HttpResponse>(&handled)) {
      got.response = std::move(*response);
      return got;
    }
    got.reply = std::move(std::get<std::unique_ptr<Reply>>(handled));
    got.response.status = 0;
    return got;
  }
  FakeCall& call() { return *registry.calls.at(0); }
};

TEST_F(Items, ComeInAnyOrder) {
  Got got = start(3, tei_tensors(1));
  call().emit(tensor_event(2, {3}, {1}));
  EXPECT_FALSE(read_on(got));
  call().emit(tensor_event(0, {1}, {1}));
  call().emit(tensor_event(1, {2}, {1}));
  EXPECT_FALSE(read_on(got));  // the end may still be an error
  call().end(3);
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.body, "[[1],[2],[3]]");
}

TEST_F(Items, AnEndBetweenTwoLooksIsSeen) {
  Got got = start(1, tei_tensors(1));
  call().at_empty_pop = [this] {
    call().emit(tensor_event(0, {1}, {1}));
    call().end(1);
  };
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.body, "[[1]]");
}

TEST_F(Items, AClientThatGoesCancels) {
  Got got = start(1, tei_tensors(1));
  got.reply.reset();
  EXPECT_EQ(call().cancelled(), CancelReason::client);
}

TEST_F(Items, AnAnswerThatIsTooLargeIsRefusedAndTheRestCancelled) {
  Got got = start(2, tei_tensors(1), 8);
  call().emit(tensor_event(0, {1.25f}, {1}));
  EXPECT_FALSE(read_on(got));
  call().emit(tensor_event(1, {1.25f}, {1}));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 400);
  EXPECT_EQ(call().cancelled(), CancelReason::client);
}

// What breaks the contract of the operation is the server's failure, never half an answer.
TEST_F(Items, BrokenContracts) {
  const Event good = tensor_event(0, {1, 2}, {2});
  const auto with = [&](auto change) {
    Event event = good;
    change(event);
    return event;
  };
  const std::vector<std::vector<Event>> cases = {
      {},
      {good, good},
      {with([](Event& e) { e.index = 1; })},
      {with([](Event& e) { e.last = false; })},
      {with([](Event& e) { e.kind = SERVAL_EVENT_JSON; })},
      {with([](Event& e) { e.meta_json = ""; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f16","shape":[2]})"; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f32"})"; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f32","shape":[1,2]})"; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f32","shape":[1]})"; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f32","shape":[4]})"; })},
      {with([](Event& e) { e.meta_json = R"({"dtype":"f32","shape":[-2]})"; })},
      {with([](Event& e) { e.data.pop_back(); })},
      {tensor_event(0, {1, NAN}, {2})}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    registry.calls.clear();
    Got got = start(1, tei_tensors(1));
    for (const Event& event : cases[i]) call().emit(event);
    call().end(1);
    ASSERT_TRUE(read_on(got)) << i;
    EXPECT_EQ(got.response.status, 500) << i << got.response.body;
  }
}

TEST_F(Items, ScoresMustBeNumbersAndOneAText) {
  for (const std::vector<float>& scores :
       {std::vector<float>{1}, {1, 2, 3}, {1, INFINITY}, {NAN, 1}}) {
    registry.calls.clear();
    Got got = start(1, tei_ranks(2, {}));
    call().emit(tensor_event(0, scores, {scores.size()}));
    call().end(1);
    ASSERT_TRUE(read_on(got));
    EXPECT_EQ(got.response.status, 500);
  }
}

TEST_F(Items, ProgressIsNoResult) {
  Got got = start(1, json_items(true));
  call().emit({SERVAL_EVENT_PROGRESS, 0, false, "", "{}", 0});
  call().emit({SERVAL_EVENT_JSON, 0, true, "[1]", "", 0});
  call().end(1);
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.body, "[1]");
}

}  // namespace
}  // namespace serval::host
