// Streamed input (draft extension serval.input_stream/1): it comes in pieces, late, or not at all.
#include "session.h"

namespace serval::check {
namespace {

// All of the input, in pieces that fit nothing, each read before the next one comes.
void arrives_in_pieces(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.streamed_ops()) {
    Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
    const std::size_t all = r->spec.inputs[0].size();
    const std::size_t piece = std::max<std::size_t>(997, all / 50);
    for (std::size_t fed = 0; fed < all; fed += piece) {
      s.feed(*r, piece);
      s.wait_for(op + ": what has arrived is read",
                 [&] { return r->finished || r->read == r->arrived; });
    }
    s.feed(*r, 0);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_OK,
             op + " with input in pieces ended with " + code_name(r->code) + ": " + r->message);
    c.expect(r->read == all, op + ": the input was not read to its end");
  }
}

void ends_before_it_begins(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.streamed_ops()) {
    Stream* r = s.submit_arriving({op, c.requests.make(op, Size::text).params, {""}, 0, true});
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
  for (const std::string& op : s.streamed_ops()) {
    Stream* r = s.submit_arriving(c.requests.make(op, Size::text));
    s.feed(*r, 1);
    s.wait_for(op + ": input is asked for", [&] { return r->finished || r->waits_for_input; });
    s.run_one(c.requests.make(op, Size::text));
    const auto counts = [&] {
      return s.host().locked([&] { return std::pair(r->reads, s.model().pulls); });
    };
    const auto before = counts();
    s.host().wait(500, [] { return false; });
    const auto after = counts();
    c.expect(after.first - before.first <= 50 && after.second - before.second <= 50,
             op + ": read was called " + std::to_string(after.first - before.first) +
                 " times and pull " + std::to_string(after.second - before.second) +
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
  for (const std::string& op : s.streamed_ops()) {
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
    {"input.arrives_in_pieces", "reads streamed input as it comes, to its end", arrives_in_pieces},
    {"input.ends_before_it_begins", "ends a request whose streamed input is empty",
     ends_before_it_begins},
    {"input.waits_asleep", "does not spin while no input comes, and keeps serving the others",
     waits_asleep},
    {"input.cancelled_while_it_waits", "ends a request that is cancelled while it waits for input",
     cancelled_while_it_waits},
};

}  // namespace

std::span<const Case> input_cases() { return kCases; }

}  // namespace serval::check
