// The rules of request.h and host.h, one case a rule, under a mix of everything a host does to a
// plugin: many requests, slow readers, cancels, late signals.
#include "session.h"

namespace serval::check {
namespace {

void mix(Context& c, Session& s) {
  s.run();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops())
    for (int i = 0; i < 12; ++i)
      all.push_back(
          s.submit(c.requests.make(op, Size::text, i), i % 3 == 0 ? 1 : Stream::kUnlimited));
  for (std::size_t i = 0; i < all.size(); ++i) {
    s.wait_for("a request gives output",
               [&] { return !all[i]->events.empty() || all[i]->finished; });
    if (i % 4 == 1)
      s.cancel(*all[i], SERVAL_CANCEL_CLIENT);
    else
      s.grant(*all[i], Stream::kUnlimited);
    s.signal(SERVAL_SIGNAL_WRITABLE, all[i / 2]->view.id);
  }
  s.wait_finished(all);
  for (const Stream* r : all) s.signal(SERVAL_SIGNAL_CANCEL, r->view.id);
  s.host().wait(100, [] { return false; });  // what is done wrong after finish shows up now
}

template <const char* rule>
void keeps(Context& c) {
  Session s(c);
  s.watch_only(rule);
  mix(c, s);
}

constexpr char kFinishOnce[] = "finish_once", kNoEmit[] = "no_emit_after_finish",
               kNoUse[] = "no_use_after_finish", kOneThread[] = "emit_one_thread",
               kPullThread[] = "pull_one_thread", kUtf8[] = "utf8_whole", kEvent[] = "event",
               kLast[] = "event_after_last", kFinish[] = "finish", kClose[] = "no_call_after_close",
               kBeat[] = "beat", kMetrics[] = "metrics";

void finishes_all(Context& c) {
  Session s(c);
  s.watch_only("none");
  mix(c, s);
}

void beats(Context& c) {
  Session s(c);
  s.watch_only(kBeat);
  mix(c, s);
  s.host().locked([&] {
    c.expect(s.model().beats > 0, "beat was never called");
    c.expect(s.model().beats_running > 0, "beat never said that a request runs");
  });
}

// The mprotected host table turns a write into a crash.
void host_table_untouched(Context& c) {
  Session s(c);
  s.watch_only("none");
  mix(c, s);
}

constexpr Case kCases[] = {
    {"contract.finishes_all", "finishes each request it has pulled", finishes_all},
    {"contract.finish_once", "finishes no request twice", keeps<kFinishOnce>},
    {"contract.no_emit_after_finish", "emits nothing after finish", keeps<kNoEmit>},
    {"contract.no_use_after_finish", "does not look at a request after finish", keeps<kNoUse>},
    {"contract.emit_one_thread", "uses one thread at a time for one request", keeps<kOneThread>},
    {"contract.pull_one_thread", "pulls from one thread at a time", keeps<kPullThread>},
    {"contract.utf8_whole", "emits text as UTF-8 and never cuts a character", keeps<kUtf8>},
    {"contract.event", "emits well-formed events", keeps<kEvent>},
    {"contract.event_after_last", "emits nothing to an output that is complete", keeps<kLast>},
    {"contract.finish", "finishes with a known code, and says why when it is an error",
     keeps<kFinish>},
    {"contract.no_call_after_close", "does not call the host after model_close", keeps<kClose>},
    {"contract.beats", "beats while requests run, with steps that count up", beats},
    {"contract.metrics", "uses metrics/1 as its header says", keeps<kMetrics>},
    {"contract.host_table_untouched", "does not write into the host's table", host_table_untouched},
};

}  // namespace

std::span<const Case> contract_cases() { return kCases; }

}  // namespace serval::check
