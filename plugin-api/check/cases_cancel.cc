// Cancelled requests end soon and with the right code; the others do not notice.
#include "session.h"

namespace serval::check {
namespace {

bool is_cancelled_code(serval_status code) {
  return code == SERVAL_CANCELLED || code == SERVAL_DEADLINE_EXCEEDED;
}

// The cancel word is set in the moment of the pull: the plugin sees it before its first step.
void before_first_step(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    // Without credit nothing can be finished with OK before the cancel is seen.
    Stream* r =
        s.host().submit(s.model(), c.requests.make(op, Size::text), 0, SERVAL_CANCEL_CLIENT);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_CANCELLED,
             op + ", cancelled when pulled, ended with " + code_name(r->code));
    s.run_one(c.requests.make(op, Size::tiny));
  }
}

// The reader takes k events, then cancels.
void at_event(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops())
    for (const int k : {0, 1, 2, 5}) {
      Stream* r = s.submit(s.lots(op), k);
      Stream* other = s.submit(c.requests.make(op, Size::text, 1));
      s.wait_for("the request has used up its credit",
                 [&] { return r->refusals > 0 || r->finished; });
      if (r->finished) continue;  // it had no more to say
      s.cancel(*r, SERVAL_CANCEL_CLIENT);
      s.wait_finished({r, other});
      c.expect(r->code == SERVAL_CANCELLED, op + ", cancelled after " + std::to_string(k) +
                                                " events, ended with " + code_name(r->code));
      c.expect(other->code == SERVAL_OK,
               op + ": another request ended with " + code_name(other->code));
    }
}

// While it runs at full speed, at no chosen moment.
void while_running(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops())
    for (int i = 0; i < 8; ++i) {
      Stream* r = s.submit(s.lots(op, i));
      s.wait_for("the first event", [&] { return !r->events.empty() || r->finished; });
      s.cancel(*r, SERVAL_CANCEL_CLIENT);
      s.wait_finished({r});
      c.expect(r->code == SERVAL_OK || r->code == SERVAL_CANCELLED,
               op + ", cancelled while it ran, ended with " + code_name(r->code));
    }
}

void after_finish(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    Stream* done = s.run_one(c.requests.make(op, Size::tiny));
    Stream* r = s.submit(c.requests.make(op, Size::text), 0);
    s.wait_for("the request is parked", [&] { return r->refusals > 0 || r->finished; });
    s.cancel(*done, SERVAL_CANCEL_CLIENT);
    s.signal(SERVAL_SIGNAL_WRITABLE, done->view.id);
    s.signal(SERVAL_SIGNAL_CANCEL, 0xdeadbeef);
    s.grant(*r, Stream::kUnlimited);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_OK, op + " ended with " + code_name(r->code) +
                                       " after a signal for another, finished request");
  }
}

void deadline(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    Spec spec = s.lots(op);
    spec.deadline_ns = now_ns() + 100'000'000;
    Stream* r = s.submit(spec, 1);
    s.wait_for("the request has used up its credit",
               [&] { return r->refusals > 0 || r->finished; });
    s.host().wait(100, [&] { return r->finished; });
    if (r->finished) continue;
    s.cancel(*r, SERVAL_CANCEL_DEADLINE);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_DEADLINE_EXCEEDED,
             op + " ended with " + code_name(r->code) + " when its deadline had passed");
  }
}

void every_reason(Context& c) {
  Session s(c);
  s.run();
  const std::string op = s.ops().front();
  for (uint32_t reason = SERVAL_CANCEL_CLIENT; reason <= SERVAL_CANCEL_MEMORY + 1; ++reason) {
    Stream* r = s.submit(s.lots(op), 0);
    s.wait_for("the request is parked", [&] { return r->refusals > 0 || r->finished; });
    if (r->finished) continue;
    s.cancel(*r, reason);
    s.wait_finished({r});
    c.expect(is_cancelled_code(r->code) &&
                 (r->code == SERVAL_DEADLINE_EXCEEDED) == (reason == SERVAL_CANCEL_DEADLINE),
             "cancel reason " + std::to_string(reason) + " ended with " + code_name(r->code));
  }
}

void storm(Context& c) {
  Session s(c);
  s.run();
  std::vector<Stream*> all;
  const std::vector<std::string> ops = s.ops();
  for (int i = 0; i < 100; ++i)
    all.push_back(s.submit(c.requests.make(ops[std::size_t(i) % ops.size()], Size::text, i)));
  s.wait_for("the first is pulled", [&] { return all.front()->pulled; });
  for (std::size_t i = 0; i < all.size(); i += 2) {
    const bool waiting = s.host().withdraw(s.model(), *all[i]);
    if (waiting)
      all[i] = all[i + 1];  // still the host's: the plugin never hears of it
    else
      s.cancel(*all[i], SERVAL_CANCEL_CLIENT);
  }
  s.wait_finished(all);
  for (std::size_t i = 1; i < all.size(); i += 2)
    c.expect(all[i]->code == SERVAL_OK,
             "a request nobody has cancelled ended with " + code_name(all[i]->code));
}

constexpr Case kCases[] = {
    {"cancel.before_first_step", "finishes a request that is cancelled as it is pulled",
     before_first_step},
    {"cancel.at_event", "finishes a parked request that is cancelled, and no other", at_event},
    {"cancel.while_running", "finishes a running request that is cancelled", while_running},
    {"cancel.after_finish", "ignores signals for requests that are finished or unknown",
     after_finish},
    {"cancel.deadline", "finishes with DEADLINE_EXCEEDED when that is the reason", deadline},
    {"cancel.every_reason", "takes any cancel reason, also those of a newer host", every_reason},
    {"cancel.storm", "stays right when half of a hundred requests are cancelled", storm},
};

}  // namespace

std::span<const Case> cancel_cases() { return kCases; }

}  // namespace serval::check
