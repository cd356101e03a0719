// Credits: a slow reader costs itself time, nobody else, and no byte.
#include "session.h"

namespace serval::check {
namespace {

void no_credit_for_a_while(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    const std::string want = s.run_one(c.requests.make(op, Size::text))->output();
    Stream* slow = s.submit(c.requests.make(op, Size::text), 0);
    s.wait_for("the slow reader's request is parked",
               [&] { return slow->refusals > 0 || slow->finished; });
    for (int i = 1; i <= 4; ++i) s.run_one(c.requests.make(op, Size::text, i));
    if (s.host().locked([&] { return slow->finished; }))
      c.stop(op + ": a request whose reader took nothing was finished with " +
             code_name(slow->code));
    s.grant(*slow, Stream::kUnlimited);
    s.wait_finished({slow});
    c.expect(slow->output() == want, op + ": a reader that was slow got other bytes");
  }
}

void one_event_at_a_time(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    const std::string want = s.run_one(c.requests.make(op, Size::text))->output();
    Stream* r = s.submit(c.requests.make(op, Size::text), 0);
    for (bool done = false; !done;) {
      s.wait_for("an event is offered, or the end",
                 [&] { return r->finished || r->waits_for_credit; });
      done = s.host().locked([&] { return r->finished; });
      if (!done) s.grant(*r, 1);
    }
    c.expect(r->output() == want, op + ": a reader of one event at a time got other bytes");
    c.expect(r->code == SERVAL_OK, op + " ended with " + code_name(r->code));
  }
}

// Many at once, each with its own rhythm.
void mixed_speeds(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    std::vector<std::string> want;
    std::vector<Stream*> all;
    for (int i = 0; i < 8; ++i)
      want.push_back(s.run_one(c.requests.make(op, Size::text, i))->output());
    for (int i = 0; i < 8; ++i) all.push_back(s.submit(c.requests.make(op, Size::text, i), i));
    for (bool done = false; !done;) {
      s.wait_for("any progress", [&] {
        done = true;
        for (const Stream* r : all) {
          if (!r->finished) done = false;
          if (r->waits_for_credit) return true;
        }
        return done;
      });
      for (std::size_t i = 0; i < all.size(); ++i)
        if (s.host().locked([&] { return all[i]->waits_for_credit; }))
          s.grant(*all[i], int64_t(i) + 1);
    }
    for (std::size_t i = 0; i < all.size(); ++i)
      c.expect(all[i]->output() == want[i],
               op + ": reader " + std::to_string(i) + ", of mixed speed, got other bytes");
  }
}

// A parked request waits for WRITABLE; it does not try again and again.
void parked_sleeps(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    Stream* r = s.submit(c.requests.make(op, Size::text), 0);
    s.wait_for("the request is parked", [&] { return r->refusals > 0 || r->finished; });
    const auto counts = [&] {
      return s.host().locked([&] { return std::pair(r->refusals, s.model().pulls); });
    };
    const auto before = counts();
    s.host().wait(500, [] { return false; });
    const auto after = counts();
    c.expect(after.first - before.first <= 50, op + ": a refused event was offered " +
                                                   std::to_string(after.first - before.first) +
                                                   " times in half a second");
    c.expect(after.second - before.second <= 50, op + ": pull was called " +
                                                     std::to_string(after.second - before.second) +
                                                     " times while all are parked");
    s.grant(*r, Stream::kUnlimited);
    s.wait_finished({r});
  }
}

constexpr Case kCases[] = {
    {"flow.no_credit_for_a_while", "loses no byte of a slow reader and keeps serving the others",
     no_credit_for_a_while},
    {"flow.one_event_at_a_time", "gives the same bytes to a reader of one event at a time",
     one_event_at_a_time},
    {"flow.mixed_speeds", "gives the same bytes to readers of different speed", mixed_speeds},
    {"flow.parked_sleeps", "does not spin while a reader is slow", parked_sleeps},
};

}  // namespace

std::span<const Case> flow_cases() { return kCases; }

}  // namespace serval::check
