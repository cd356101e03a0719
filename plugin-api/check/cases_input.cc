// Input that arrives (draft extension serval.input_stream/1), as a stream or an upload: it comes in
// pieces, late, or not at all.
#include <algorithm>

#include "session.h"

namespace serval::check {
namespace {

// All of the input, in pieces that fit nothing: single bytes first, so that a file's head is cut
// everywhere. patient: each comes when the plugin waits for more.
void feed_in_pieces(Session& s, Stream& r, bool patient) {
  const std::size_t all = r.spec.inputs[0].size();
  const std::size_t large = std::max<std::size_t>(997, all / 50);
  for (std::size_t fed = 0; fed < all;) {
    const std::size_t piece = fed < 50 ? 1 : large;
    s.feed(r, piece);
    fed += piece;
    if (patient)
      s.wait_for(r.spec.op + ": more than has arrived is asked for",
                 [&] { return r.finished || r.waits_for_input; });
  }
  s.feed(r, 0);
}

void arrives_in_pieces(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.arriving_ops()) {
    Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
    feed_in_pieces(s, *r, true);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_OK,
             op + " with input in pieces ended with " + code_name(r->code) + ": " + r->message);
    c.expect(r->arrival() != Arrival::streamed || r->read == r->spec.inputs[0].size(),
             op + ": the input was not read to its end");
  }
}

// All that came out, however it was cut into events.
std::string answer(const Stream& r) {
  std::string all;
  for (const Event& e : r.events) all += e.data + e.meta;
  return all + r.usage;
}

void upload_in_pieces_is_the_same(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.uploaded_ops()) {
    const std::string want = answer(*s.run_one(c.requests.make(op, Size::text)));
    for (const bool patient : {true, false}) {
      Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
      feed_in_pieces(s, *r, patient);
      s.wait_finished({r});
      c.expect(r->code == SERVAL_OK && answer(*r) == want,
               op + ": an upload in pieces has another answer than at once; it ended with " +
                   code_name(r->code));
    }
  }
}

void ends_before_it_begins(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.arriving_ops()) {
    Spec spec = c.requests.make(op, Size::text);
    spec.inputs[0].clear();
    Stream* r = s.submit_arriving(spec);
    s.feed(*r, 0);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_OK || r->code == SERVAL_INVALID_ARGUMENT,
             op + " with an empty input ended with " + code_name(r->code));
  }
}

// A request without input costs nothing, and the others go on.
void waits_asleep(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.arriving_ops()) {
    Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
    s.feed(*r, 1);
    s.wait_for(op + ": input is asked for", [&] { return r->finished || r->waits_for_input; });
    s.run_one(c.requests.make(op, Size::text));
    const auto counts = [&] {
      return s.host().locked([&] { return std::pair(r->asked, s.model().pulls); });
    };
    const auto before = counts();
    s.host().wait(500, [] { return false; });
    const auto after = counts();
    c.expect(after.first - before.first <= 50 && after.second - before.second <= 50,
             op + ": input was asked for " + std::to_string(after.first - before.first) +
                 " times and pull called " + std::to_string(after.second - before.second) +
                 " times in half a second without input");
    s.feed(*r, r->spec.inputs[0].size());
    s.feed(*r, 0);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_OK, op + " with late input ended with " + code_name(r->code));
  }
}

void cancelled_while_it_waits(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.arriving_ops()) {
    Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
    s.feed(*r, r->spec.inputs[0].size() / 2);
    s.wait_for(op + ": input is asked for", [&] { return r->finished || r->waits_for_input; });
    s.cancel(*r, SERVAL_CANCEL_CLIENT);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_CANCELLED,
             op + ", cancelled while it waited for input, ended with " + code_name(r->code));
  }
}

constexpr Case kCases[] = {
    {"input.arrives_in_pieces", "takes arriving input as it comes, to its end", arrives_in_pieces},
    {"input.upload_in_pieces_is_the_same", "gives the same answer however an upload comes",
     upload_in_pieces_is_the_same},
    {"input.ends_before_it_begins", "ends a request whose arriving input is empty",
     ends_before_it_begins},
    {"input.waits_asleep", "does not spin while no input comes, and keeps serving the others",
     waits_asleep},
    {"input.cancelled_while_it_waits", "ends a request that is cancelled while it waits for input",
     cancelled_while_it_waits},
};

}  // namespace

std::span<const Case> input_cases() { return kCases; }

}  // namespace serval::check
