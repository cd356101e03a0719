#include <thread>

#include "kit_host.h"

namespace serval::sdk {
namespace {

using RequestTest = KitHost;

TEST_F(RequestTest, ShowsWhatWasAsked) {
  Request r = pull({"echo", "{\"repeat\":2}", {"one", "two"}, 77});
  EXPECT_EQ(r.op(), "echo");
  EXPECT_EQ(r.params_json(), "{\"repeat\":2}");
  ASSERT_EQ(r.inputs(), 2u);
  EXPECT_EQ(r.input(1), "two");
  EXPECT_EQ(r.input(2), "");
  EXPECT_EQ(r.deadline_ns(), 77u);
  EXPECT_EQ(r.id(), stream->view.id);
  EXPECT_FALSE(r.cancelled());
  r.finish_ok("{\"n\":1}");
  EXPECT_EQ(stream->usage, "{\"n\":1}");
  EXPECT_EQ(stream->code, SERVAL_OK);
}

TEST_F(RequestTest, EmitsUntilTheReaderIsSlow) {
  Request r = pull({"echo"}, 1);
  EXPECT_EQ(r.emit_text(0, "a"), Emit::taken);
  EXPECT_EQ(r.emit_text(0, "b"), Emit::full);
  EXPECT_EQ(r.emit_text(0, "\xff"), Emit::invalid);
  stream->cancel_word = SERVAL_CANCEL_CLIENT;
  EXPECT_EQ(r.emit_text(0, "b"), Emit::cancelled);
  EXPECT_EQ(stream->output(), "a");
  r.finish_cancelled();
}

TEST_F(RequestTest, DroppedIsFinishedWithInternal) {
  { const Request r = pull({"echo"}); }
  EXPECT_TRUE(stream->finished);
  EXPECT_EQ(stream->code, SERVAL_INTERNAL);
  EXPECT_EQ(stream->message, "plugin dropped the request");
}

TEST_F(RequestTest, DroppedWhileStoppingIsUnavailable) {
  const std::atomic<bool> stopping{true};
  { const Request r = pull({"echo"}, 1, &stopping); }
  EXPECT_EQ(stream->code, SERVAL_UNAVAILABLE);
}

TEST_F(RequestTest, DroppedAfterCancelIsCancelled) {
  {
    const Request r = pull({"echo"});
    stream->cancel_word = SERVAL_CANCEL_DEADLINE;
  }
  EXPECT_EQ(stream->code, SERVAL_DEADLINE_EXCEEDED);
}

TEST_F(RequestTest, CancelReasonChoosesTheCode) {
  for (const uint32_t reason : {SERVAL_CANCEL_CLIENT, SERVAL_CANCEL_DEADLINE, 99u}) {
    Request r = pull({"echo"});
    stream->cancel_word = reason;
    r.finish_cancelled();
    EXPECT_EQ(stream->code,
              reason == SERVAL_CANCEL_DEADLINE ? SERVAL_DEADLINE_EXCEEDED : SERVAL_CANCELLED);
  }
}

TEST_F(RequestTest, MovedFromOwesNothing) {
  Request a = pull({"echo"});
  check::Stream* first = stream;
  Request b = std::move(a);
  EXPECT_TRUE(a.finished());
  b = pull({"echo"});  // finishes the first
  EXPECT_TRUE(first->finished);
  EXPECT_FALSE(stream->finished);
  b.finish_ok();
  EXPECT_EQ(first_violation(), "");
}

TEST_F(RequestTest, ErrorsCarryTheirParameterAndAreCutAtACharacter) {
  Request r = pull({"echo"});
  std::string text;
  for (int i = 0; i < 200; ++i) text += "é";
  r.finish_error(invalid(text, "repeat"));
  EXPECT_EQ(stream->param, "repeat");
  EXPECT_EQ(stream->message.size(), 238u);  // 239 bytes fit, the last would be half a character
  EXPECT_TRUE(is_utf8(stream->message));
}

TEST_F(RequestTest, MisuseIsReportedAndHarmless) {
  Request r = pull({"echo"});
  r.finish_ok();
  EXPECT_EQ(r.emit_text(0, "late"), Emit::cancelled);
  EXPECT_NE(first_error().find("emit after finish"), std::string::npos);
  r.finish_ok();
  EXPECT_EQ(r.op(), "");
  EXPECT_TRUE(r.cancelled());
  ASSERT_EQ(kit.errors_logged().size(), 3u);
  EXPECT_NE(kit.errors_logged()[1].find("finished twice"), std::string::npos);
  EXPECT_NE(kit.errors_logged()[2].find("read after finish"), std::string::npos);
  EXPECT_EQ(first_violation(), "");
}

// The host's emit is held up until a second thread is inside the same request.
TEST_F(RequestTest, TwoThreadsInOneRequestAreReported) {
  static std::atomic<int> inside;
  static const serval_host* real;
  real = kit.table();
  inside = 0;
  serval_host slow = *real;
  slow.emit = [](serval_request*, const serval_event*) -> serval_status {
    ++inside;
    while (inside < 2) std::this_thread::yield();
    return SERVAL_OK;
  };
  stream = kit.submit(model, {"echo"});
  serval_request* out = nullptr;
  const serval_budget budget{sizeof(budget), 1, 0, 0};
  ASSERT_EQ(real->pull(model.ref(), &budget, &out, 1), 1);
  Request r(&slow, out, nullptr);
  std::thread other([&] { r.emit_text(0, "a"); });
  r.emit_text(0, "b");
  other.join();
  EXPECT_NE(first_error().find("two threads"), std::string::npos);
  r.finish_ok();
}

}  // namespace
}  // namespace serval::sdk
