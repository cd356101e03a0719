#include <stdexcept>

#include "kit_host.h"

namespace serval::sdk {
namespace {

// Counts from 1 to 100, and misbehaves on request.
struct Counter100 final : Task {
  explicit Counter100(std::string_view how) : mischief(how) {}
  std::string mischief;
  int n = 0;

  Result<Progress> step(TaskContext& context) override {
    ++n;
    if (n == 3 && mischief == "throws") throw std::runtime_error("three is too much");
    if (n == 3 && mischief == "refuses") return invalid("no threes", "n");
    if (n == 3 && mischief == "emits garbage") context.text(0, "\xc3");
    context.text(0, std::to_string(n) + " ");
    return n == 100 ? Progress::done : Progress::more;
  }
  std::string usage_json() const override { return "{\"n\":" + std::to_string(n) + "}"; }
};

struct TaskTest : KitHost {
  TaskModel tasks{host, model.ref(),
                  [](const Request& r) -> Result<std::unique_ptr<Task>> {
                    if (r.params_json() == "no") return invalid("no means no");
                    return std::make_unique<Counter100>(r.input(0));
                  },
                  8};
  static std::string all_numbers() {
    std::string out;
    for (int i = 1; i <= 100; ++i) out += std::to_string(i) + " ";
    return out;
  }
  void SetUp() override { ASSERT_TRUE(tasks.start().ok()); }
  void TearDown() override {
    say_no_more();
    tasks.quiesce(0);
    EXPECT_EQ(kit.locked([&] { return model.beats > 0; }), true);
  }
  check::Stream* run(const char* how, const char* params = "{}") {
    check::Stream* s = kit.submit(model, {"count", params, {how}});
    EXPECT_TRUE(wait_finished({s}));
    return s;
  }
};

TEST_F(TaskTest, RunsToItsEnd) {
  const check::Stream* s = run("well");
  EXPECT_EQ(s->code, SERVAL_OK);
  EXPECT_EQ(s->output(), all_numbers());
  EXPECT_EQ(s->usage, "{\"n\":100}");
}

TEST_F(TaskTest, RefusedByTheFactory) { EXPECT_EQ(run("", "no")->message, "no means no"); }

TEST_F(TaskTest, ExceptionStaysInItsRequest) {
  check::Stream* good = kit.submit(model, {"count", "{}", {"well"}});
  const check::Stream* bad = run("throws");
  EXPECT_EQ(bad->code, SERVAL_INTERNAL);
  EXPECT_NE(bad->message.find("three is too much"), std::string::npos);
  ASSERT_TRUE(wait_finished({good}));
  EXPECT_EQ(good->output(), all_numbers());
  EXPECT_EQ(tasks.health().state, SERVAL_HEALTH_OK);
}

TEST_F(TaskTest, ErrorEndsTheRequest) {
  const check::Stream* s = run("refuses");
  EXPECT_EQ(s->code, SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(s->param, "n");
  EXPECT_EQ(s->output(), "1 2 ");
}

TEST_F(TaskTest, InvalidEventEndsTheRequest) {
  EXPECT_EQ(run("emits garbage")->code, SERVAL_INTERNAL);
}

TEST_F(TaskTest, SlowReaderGetsEveryByte) {
  check::Stream* s = kit.submit(model, {"count", "{}", {"well"}}, 0);
  for (bool done = false; !done;) {
    ASSERT_TRUE(kit.wait(30'000, [&] { return s->waits_for_credit || s->finished; }));
    done = kit.locked([&] { return s->finished; });
    kit.locked([&] { s->waits_for_credit = false, s->credit = 7; });
    tasks.signal(SERVAL_SIGNAL_WRITABLE, s->view.id);
  }
  EXPECT_EQ(s->output(), all_numbers());
}

// Counts the bytes of an input that streams.
struct ByteCounter final : Task {
  explicit ByteCounter(const InputStream& stream) : input(stream) {}
  const InputStream& input;
  int bytes = 0;

  Result<Progress> step(TaskContext& context) override {
    char piece[5];
    std::size_t n = 0;
    switch (context.read(input, piece, n)) {
      case Input::some:
        bytes += int(n);
        return Progress::more;
      case Input::none:
        return Progress::wait;
      case Input::end:
        context.text(0, std::to_string(bytes), {}, true);
        return Progress::done;
      case Input::whole:
        return invalid("it does not stream");
      case Input::cancelled:
        break;
    }
    return Error{SERVAL_CANCELLED, "cancelled", {}};
  }
};

// Says what has come of an upload each time when there are four bytes more.
struct UploadReader final : Task {
  explicit UploadReader(const InputStream& stream) : input(stream) {}
  const InputStream& input;
  std::size_t wanted = 4;

  Result<Progress> step(TaskContext& context) override {
    std::string_view bytes;
    switch (context.arrived(input, wanted, bytes)) {
      case Input::some:
        if (bytes.size() < wanted) return Progress::wait;
        context.text(0, std::string(bytes) + "|");
        wanted = bytes.size() + 4;
        return Progress::more;
      case Input::end:
        context.text(0, bytes, {}, true);
        return Progress::done;
      case Input::whole:
        return invalid("it is no upload");
      default:
        return Error{SERVAL_CANCELLED, "cancelled", {}};
    }
  }
};

struct ArrivingTask : KitHost {
  InputStream input{host};
  TaskModel tasks{host, model.ref(), [this](const Request& r) -> Result<std::unique_ptr<Task>> {
                    if (r.op() == "upload") return std::make_unique<UploadReader>(input);
                    return std::make_unique<ByteCounter>(input);
                  }};
  void SetUp() override { ASSERT_TRUE(tasks.start().ok()); }
  void TearDown() override {
    say_no_more();
    tasks.quiesce(0);
    EXPECT_EQ(first_violation(), "");
  }
  check::Stream* submit(const char* op, check::Arrival arrival, bool arriving) {
    return kit.submit(model, {op, "{}", {"twelve bytes"}, 0, arrival}, check::Stream::kUnlimited, 0,
                      arriving);
  }
  // True: the task was told.
  bool feed(check::Stream* s, std::size_t bytes, bool end) {
    const bool tell = kit.locked([&] { return s->feed(bytes, end); });
    if (tell) tasks.signal(SERVAL_SIGNAL_READABLE, s->view.id);
    return tell;
  }
  bool wait_for_input(check::Stream* s) {
    return kit.wait(30'000, [&] { return s->waits_for_input; });
  }
  void cancel(check::Stream* s) {
    s->cancel_word.store(SERVAL_CANCEL_CLIENT);
    tasks.signal(SERVAL_SIGNAL_CANCEL, s->view.id);
  }
};

struct StreamedTask : ArrivingTask {
  check::Stream* submit(bool arriving) {
    return ArrivingTask::submit("count", check::Arrival::streamed, arriving);
  }
};

TEST_F(StreamedTask, ReadsWhatIsThereAtOnce) {
  check::Stream* s = submit(false);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->output(), "12");
}

TEST_F(StreamedTask, SleepsUntilMoreComes) {
  check::Stream* s = submit(true);
  ASSERT_TRUE(wait_for_input(s));
  feed(s, 7, false);
  ASSERT_TRUE(wait_for_input(s));
  EXPECT_EQ(kit.locked([&] { return s->read; }), 7u);
  feed(s, 5, true);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->output(), "12");
}

TEST_F(StreamedTask, IsCancelledInItsSleep) {
  check::Stream* s = submit(true);
  ASSERT_TRUE(wait_for_input(s));
  cancel(s);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->code, SERVAL_CANCELLED);
}

TEST_F(StreamedTask, KnowsWhatDoesNotStream) {
  check::Stream* whole = kit.submit(model, {"count", "{}", {"whole"}});
  check::Stream* upload = ArrivingTask::submit("count", check::Arrival::uploaded, false);
  ASSERT_TRUE(wait_finished({whole, upload}));
  EXPECT_EQ(whole->message, "it does not stream");
  EXPECT_EQ(upload->message, "it does not stream");
}

struct UploadedTask : ArrivingTask {
  check::Stream* submit(bool arriving) {
    return ArrivingTask::submit("upload", check::Arrival::uploaded, arriving);
  }
};

TEST_F(UploadedTask, SeesAllThatIsThereAtOnce) {
  check::Stream* s = submit(false);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->output(), "twelve bytes");
}

TEST_F(UploadedTask, IsToldWhenAsMuchIsThereAsItWants) {
  check::Stream* s = submit(true);
  ASSERT_TRUE(wait_for_input(s));
  EXPECT_FALSE(feed(s, 3, false));
  EXPECT_TRUE(feed(s, 2, false));
  ASSERT_TRUE(wait_for_input(s));
  EXPECT_FALSE(feed(s, 3, false));
  EXPECT_TRUE(feed(s, 0, true));  // the end, four bytes short of what is in the request
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->output(), "twelv|twelve b");
}

TEST_F(UploadedTask, IsCancelledInItsSleep) {
  check::Stream* s = submit(true);
  ASSERT_TRUE(wait_for_input(s));
  cancel(s);
  ASSERT_TRUE(wait_finished({s}));
  EXPECT_EQ(s->code, SERVAL_CANCELLED);
}

TEST_F(UploadedTask, KnowsWhatIsNoUpload) {
  check::Stream* whole = kit.submit(model, {"upload", "{}", {"whole"}});
  check::Stream* stream = ArrivingTask::submit("upload", check::Arrival::streamed, false);
  ASSERT_TRUE(wait_finished({whole, stream}));
  EXPECT_EQ(whole->message, "it is no upload");
  EXPECT_EQ(stream->message, "it is no upload");
}

}  // namespace
}  // namespace serval::sdk
