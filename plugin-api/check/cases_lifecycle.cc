// Opening, stopping and closing models.
#include <algorithm>
#include <cstring>
#include <thread>

#include "process.h"
#include "session.h"

namespace serval::check {
namespace {

void open_missing(Context& c) {
  Session s(c);
  const Opened opened = s.try_open("/nonexistent/serval-check");
  if (opened.code == SERVAL_OK) return;  // a plugin may need no file
  c.expect(opened.model == nullptr, "model_open failed but gave a model");
  c.expect(!opened.message.empty(), "model_open failed without a message");
  c.expect(opened.code != SERVAL_INTERNAL && opened.code != SERVAL_UNKNOWN,
           "a missing model is the configuration's fault, not " + code_name(opened.code));
}

void open_close(Context& c) {
  Session s(c);
  for (int i = 0; i < 3; ++i) s.open(), s.close();
}

// Cancels at the first, second, ... report until the load runs through.
void open_cancelled(Context& c) {
  bool reported = false;
  for (uint32_t at = 1; at <= 10; ++at) {
    Session s(c, {.cancel_load_at = at});
    const uint64_t start = cpu_ns();
    const Opened opened = s.try_open(c.options.model);
    const uint64_t reports = s.host().locked([&] { return s.model().reports; });
    if (reports < at) {  // never asked at this point
      c.expect(opened.code == SERVAL_OK, "model_open failed: " + opened.message);
      c.expect(reported || cpu_ns() - start < 1'000'000'000,
               "a load of over a second never reported its progress");
      return;
    }
    reported = true;
    if (opened.code != SERVAL_CANCELLED)
      c.stop("report " + std::to_string(at) + " said CANCELLED, model_open returned " +
             code_name(opened.code));
    c.expect(reports == at, "the load went on reporting after CANCELLED");
  }
}

void answers_again(Context& c) {
  Session s(c);
  std::string first;
  for (int i = 0; i < 2; ++i) {
    s.run();
    const std::string text = s.run_one(c.requests.make(s.ops().front(), Size::text))->output();
    if (i == 0) first = text;
    c.expect(text == first, "a model that is opened again gives another answer");
    s.quiesce(0);
    s.close();
  }
}

// Requests that run are finished, requests that wait are left to the host.
void quiesce_finishes(Context& c) {
  Session s(c);
  s.run();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops())
    for (int i = 0; i < 8; ++i) all.push_back(s.submit(c.requests.make(op, Size::text, i)));
  s.wait_for("a request is pulled", [&] { return all.front()->pulled; });
  s.quiesce(0);
  int pulled = 0;
  for (const Stream* r : all) {
    if (!r->pulled) continue;
    ++pulled;
    c.expect(r->finished, "model_quiesce returned while a request still runs");
    c.expect(!r->finished || r->code == SERVAL_OK,
             "no deadline was given, yet a request ended with " + code_name(r->code));
  }
  c.expect(pulled > 0, "nothing ran");
  s.close();
}

// Parked requests cannot end by themselves: the deadline ends them.
void quiesce_deadline(Context& c) {
  Session s(c);
  s.run();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops())
    for (int i = 0; i < 4; ++i) all.push_back(s.submit(c.requests.make(op, Size::text, i), 0));
  s.wait_for("all requests are parked", [&] {
    for (const Stream* r : all)
      if (r->refusals == 0 && !r->finished) return false;
    return true;
  });
  s.quiesce(now_ns() + 300'000'000);
  for (const Stream* r : all) {
    c.expect(r->finished, "model_quiesce returned behind its deadline and a request still runs");
    c.expect(!r->finished || r->code == SERVAL_UNAVAILABLE,
             "a request cut off by the deadline ended with " + code_name(r->code));
  }
  s.close();
}

void no_pull_after_quiesce(Context& c) {
  Session s(c);
  s.watch_only("no_pull_after_quiesce");
  s.run();
  s.wait_for("the model pulls", [&] { return s.model().pulls > 0; });
  s.quiesce(0);
  const uint64_t before = s.host().locked([&] { return s.model().pulls; });
  s.submit(c.requests.make(s.ops().front(), Size::tiny));
  s.signal(SERVAL_SIGNAL_CANCEL, 1);
  s.host().wait(200, [] { return false; });
  c.expect(s.host().locked([&] { return s.model().pulls; }) == before, "pull after quiesce");
}

void close_joins_threads(Context& c) {
  Session s(c);
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first one
  const int before = threads();
  s.run();
  if (c.requests.knows(s.entry().descriptor->ops[0]))
    s.run_one(c.requests.make(s.entry().descriptor->ops[0], Size::tiny));
  s.quiesce(0);
  s.close();
  const int after = threads_settled(before);
  c.expect(after <= before, std::to_string(after - before) + " threads live on after model_close");
}

void unmapped_after_use(Context& c) {
  {
    Session s(c);
    s.run();
    if (c.requests.knows(s.entry().descriptor->ops[0]))
      s.run_one(c.requests.make(s.entry().descriptor->ops[0], Size::tiny));
  }
  c.expect(c.failed() || !is_mapped(c.options.plugin),
           "the file is still mapped after it was used, closed and unloaded");
}

void health_quick(Context& c) {
  Session s(c);
  s.run();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops()) all.push_back(s.submit(s.lots(op)));
  std::vector<uint64_t> took;
  for (int i = 0; i < 101; ++i) {
    serval_health health{};
    health.size = sizeof(health);
    const uint64_t start = now_ns();
    const serval_status code = s.plugin().model_health(s.handle(), &health);
    took.push_back(now_ns() - start);
    if (code != SERVAL_OK) c.stop("model_health returned " + code_name(code));
    if (health.state != SERVAL_HEALTH_OK && health.state != SERVAL_HEALTH_DEGRADED)
      c.stop("a model that works says state " + std::to_string(health.state));
    if (memchr(health.reason, 0, sizeof(health.reason)) == nullptr) c.stop("the reason has no NUL");
  }
  std::nth_element(took.begin(), took.begin() + 50, took.end());
  c.expect(took[50] < 1'000'000, "half of the calls took " + std::to_string(took[50] / 1000) +
                                     " us or more, want under 1000");
  s.wait_finished(all);
}

constexpr Case kCases[] = {
    {"lifecycle.open_missing", "refuses a model that is not there in words", open_missing},
    {"lifecycle.open_close", "closes a model that never started", open_close},
    {"lifecycle.open_cancelled", "stops loading when progress/1 says so, and leaves nothing behind",
     open_cancelled},
    {"lifecycle.answers_again", "gives the same answer after it was closed and opened again",
     answers_again},
    {"lifecycle.quiesce_finishes", "finishes what runs before quiesce returns", quiesce_finishes},
    {"lifecycle.quiesce_deadline", "ends what is left at quiesce's deadline with UNAVAILABLE",
     quiesce_deadline},
    {"lifecycle.no_pull_after_quiesce", "pulls no more once it quiesces", no_pull_after_quiesce},
    {"lifecycle.close_joins_threads", "has joined all its threads when model_close returns",
     close_joins_threads},
    {"lifecycle.unmapped_after_use", "is gone from the process after use", unmapped_after_use},
    {"lifecycle.health_quick", "answers model_health at once, also while it works", health_quick},
};

}  // namespace

std::span<const Case> lifecycle_cases() { return kCases; }

}  // namespace serval::check
