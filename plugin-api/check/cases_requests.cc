// Requests: good ones, many at once, and bad ones.
#include <algorithm>

#include "session.h"

namespace serval::check {
namespace {

// Runs one request of each op.
void each_op(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops())
    c.expect(!s.run_one(c.requests.make(op, Size::text))->events.empty(), op + " emitted nothing");
}

// What docs/requests.md says of the output of chat and complete.
void text_shape(Context& c) {
  Session s(c);
  s.run();
  bool any = false;
  for (const std::string& op : s.ops()) {
    if (op != "chat" && op != "complete") continue;
    any = true;
    Spec spec = c.requests.make(op, Size::tiny);
    spec.params = "{\"max_tokens\":3,\"temperature\":0,\"n\":2}";
    const Stream* r = s.run_one(spec);
    for (uint32_t index = 0; index < 2; ++index) {
      const auto last = std::find_if(r->events.begin(), r->events.end(), [&](const Event& e) {
        return e.index == index && (e.flags & SERVAL_EVENT_FLAG_LAST) != 0;
      });
      const std::string choice = op + ": choice " + std::to_string(index);
      if (last == r->events.end()) {
        c.fail(choice + " has no event flagged LAST");
        continue;
      }
      const auto meta = sdk::Json::parse(last->meta);
      const sdk::Json* reason = meta ? meta->find("finish_reason") : nullptr;
      c.expect(reason != nullptr && (reason->text() == "stop" || reason->text() == "length"),
               choice + " ends without finish_reason \"stop\" or \"length\"");
    }
    const auto usage = sdk::Json::parse(r->usage);
    for (const char* key : {"prompt_tokens", "completion_tokens"}) {
      const sdk::Json* count = usage ? usage->find(key) : nullptr;
      c.expect(count != nullptr && count->integer() != nullptr && *count->integer() >= 0,
               op + ": the usage has no count '" + key + "'");
    }
  }
  c.skip_unless(any, "the plugin has neither chat nor complete");
}

void concurrent(Context& c, int n) {
  Session s(c);
  s.run();
  const std::vector<std::string> ops = s.ops();
  std::vector<Stream*> all;
  for (int i = 0; i < n; ++i)
    all.push_back(s.submit(c.requests.make(ops[std::size_t(i) % ops.size()], Size::tiny, i)));
  s.wait_finished(all);
  int bad = 0;
  for (const Stream* r : all)
    if (r->code != SERVAL_OK && ++bad == 1)
      c.fail("request " + std::to_string(r->view.id) + " ended with " + code_name(r->code) + ": " +
             r->message);
  c.expect(bad <= 1, "and " + std::to_string(bad - 1) + " more");
}
void concurrent_1(Context& c) { concurrent(c, 1); }
void concurrent_64(Context& c) { concurrent(c, 64); }
void concurrent_500(Context& c) { concurrent(c, 500); }

// Finishes with anything but a fault of the plugin; and a good request still works afterwards.
void survives(Context& c, Session& s, Spec spec, const std::string& what) {
  Stream* r = s.submit(std::move(spec));
  s.wait_finished({r});
  c.expect(r->code != SERVAL_INTERNAL && r->code != SERVAL_UNKNOWN,
           r->spec.op + " with " + what + " ended with " + code_name(r->code) + ": " + r->message);
  s.run_one(c.requests.make(r->spec.op, Size::tiny));
}

void empty_input(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    Spec spec = c.requests.make(op, Size::tiny);
    spec.inputs.assign(spec.inputs.size(), "");
    survives(c, s, spec, "empty inputs");
    spec.inputs.clear();
    survives(c, s, spec, "no inputs");
  }
}

void invalid_params(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops())
    for (const char* params : {"{", "[]", "nul", "{\"a\":}", "{} x", "\"\xff\""}) {
      Spec spec = c.requests.make(op, Size::tiny);
      spec.params = params;
      Stream* r = s.submit(spec);
      s.wait_finished({r});
      c.expect(r->code == SERVAL_INVALID_ARGUMENT,
               op + " with params " + (params[1] == '\xff' ? "that are not UTF-8" : params) +
                   " ended with " + code_name(r->code) + ", want INVALID_ARGUMENT");
    }
}

void unknown_param(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    Spec spec = c.requests.make(op, Size::tiny);
    spec.params = "{\"no_such_parameter\":1}";
    Stream* r = s.submit(spec);
    s.wait_finished({r});
    c.expect(r->code == SERVAL_INVALID_ARGUMENT,
             op + " with an unknown parameter ended with " + code_name(r->code));
    c.expect(r->param == "no_such_parameter",
             op + ": the error's param is '" + r->param + "', want the key's name");
  }
}

void invalid_utf8(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops())
    for (const char* bytes : {"\xff\xfe", "caf\xc3", "\xed\xa0\x80", "[{\"role\":\"user\xf0\""}) {
      Spec spec = c.requests.make(op, Size::tiny);
      spec.inputs.assign(std::max<std::size_t>(spec.inputs.size(), 1), bytes);
      survives(c, s, spec, "an input that is not UTF-8");
    }
}

// Alone or among others, in any order: a greedy answer is the same.
void deterministic_in_batch(Context& c) {
  Session s(c);
  s.run();
  for (const std::string& op : s.ops()) {
    std::vector<std::string> alone;
    for (int i = 0; i < 6; ++i)
      alone.push_back(s.run_one(c.requests.make(op, Size::text, i))->output());
    std::vector<Stream*> batch;
    for (int i = 5; i >= 0; --i) batch.push_back(s.submit(c.requests.make(op, Size::text, i)));
    s.wait_finished(batch);
    for (int i = 0; i < 6; ++i)
      c.expect(batch[std::size_t(5 - i)]->output() == alone[std::size_t(i)],
               op + ": request " + std::to_string(i) + " has another answer in a batch than alone");
  }
}

constexpr Case kCases[] = {
    {"requests.each_op", "answers a request of each of its ops", each_op},
    {"requests.text_shape", "ends each choice as docs/requests.md says, and counts tokens",
     text_shape},
    {"requests.concurrent_1", "runs one request", concurrent_1},
    {"requests.concurrent_64", "runs 64 requests at the same time", concurrent_64},
    {"requests.concurrent_500", "runs 500 requests that come at the same time", concurrent_500},
    {"requests.empty_input", "survives empty and missing inputs", empty_input},
    {"requests.invalid_params", "refuses parameters that are not a JSON object", invalid_params},
    {"requests.unknown_param", "refuses a parameter it does not know, by name", unknown_param},
    {"requests.invalid_utf8", "survives input that is not UTF-8", invalid_utf8},
    {"requests.deterministic_in_batch", "gives the same greedy answer alone and in a batch",
     deterministic_in_batch},
};

}  // namespace

std::span<const Case> request_cases() { return kCases; }

}  // namespace serval::check
