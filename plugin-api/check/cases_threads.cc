// The host calls from many threads.
#include <algorithm>
#include <thread>

#include "session.h"

namespace serval::check {
namespace {

void signals_from_8_threads(Context& c) {
  Session s(c);
  s.run();
  const std::vector<std::string> ops = s.ops();
  std::vector<Stream*> all;
  for (int i = 0; i < 32; ++i)
    all.push_back(s.submit(c.requests.make(ops[std::size_t(i) % ops.size()], Size::text, i)));
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 500; ++i) {
        s.signal(i % 3 == 0 ? SERVAL_SIGNAL_CANCEL : SERVAL_SIGNAL_WRITABLE, (t * 7 + i) % 40 + 1);
        if (i % 100 == 0) s.signal(SERVAL_SIGNAL_MEMORY_PRESSURE, 0);
        if (i % 50 == 0) s.signal(SERVAL_SIGNAL_MEMORY_PRESSURE + 1000, i);  // of a newer host
        serval_health health{};
        health.size = sizeof(health);
        s.plugin().model_health(s.handle(), &health);
      }
    });
  for (std::thread& t : threads) t.join();
  s.wait_finished(all);
  for (const Stream* r : all)
    c.expect(r->code == SERVAL_OK,
             "no cancel word was set, yet a request ended with " + code_name(r->code));
}

// A signal returns at once, whatever the plugin does meanwhile. Half of the calls, since the
// machine may be busy with something else during single ones.
void signal_quick(Context& c) {
  Session s(c);
  s.run();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops()) all.push_back(s.submit(s.lots(op)));
  std::vector<uint64_t> took;
  for (uint64_t i = 0; i < 501; ++i) {
    const uint64_t start = now_ns();
    s.signal(SERVAL_SIGNAL_WRITABLE, i);
    took.push_back(now_ns() - start);
  }
  std::nth_element(took.begin(), took.begin() + 250, took.end());
  c.expect(took[250] < 1'000'000,
           "half of the signals took " + std::to_string(took[250] / 1000) + " us or more");
  s.wait_finished(all);
}

// Two models of one plugin know nothing of each other.
void two_models(Context& c) {
  Session s(c);
  s.run();
  const std::string op = s.ops().front();
  const std::string want = s.run_one(c.requests.make(op, Size::text))->output();
  HostModel& first = s.model();
  void* first_handle = s.handle();
  s.run();
  Stream* a = s.host().submit(first, c.requests.make(op, Size::text));
  Stream* b = s.submit(c.requests.make(op, Size::text));
  s.wait_finished({a, b});
  c.expect(a->output() == want && b->output() == want, "two models give different answers");
  s.close_other(first, first_handle);
  c.expect(s.run_one(c.requests.make(op, Size::text))->output() == want,
           "a model answers differently when another was closed");
}

constexpr Case kCases[] = {
    {"threads.signals_from_8", "takes signals and health calls from eight threads",
     signals_from_8_threads},
    {"threads.signal_quick", "returns from model_signal at once", signal_quick},
    {"threads.two_models", "keeps two models apart", two_models},
};

}  // namespace

std::span<const Case> thread_cases() { return kCases; }

}  // namespace serval::check
