// Runs the requests of one API call and turns their events into a reply.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/json.h"
#include "host/net/http_message.h"
#include "host/request/call.h"

namespace serval::host {

// What an event says besides its text (docs/requests.md).
struct EventMeta {
  json::array tokens;
  bool has_tokens = false;
  bool prompt = false;        // the echo of the prompt
  std::string finish_reason;  // of the last event of a choice
};

struct Usage {
  int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
};
// {"prompt_tokens":..,"completion_tokens":..,"total_tokens":..,"prompt_tokens_details":{..}}
void append_usage(std::string& out, const Usage& usage);

// How events look to the client. All functions append to `out`, which is sent as it grows when the
// reply is streamed.
class Renderer {
 public:
  virtual ~Renderer() = default;
  virtual void begin(std::string& out) = 0;
  // choice: over all prompts, prompt-major.
  virtual void event(int choice, const Event& event, const EventMeta& meta, std::string& out) = 0;
  virtual void end(const Usage& usage, std::string& out) = 0;
  // What a reply holds in memory, to bound it; 0 when streamed.
  virtual std::size_t held() const { return 0; }
};

struct GenerationSetup {
  std::vector<std::shared_ptr<Call>> calls;  // one a prompt
  int choices_per_call = 1;
  bool streamed = false;
  std::unique_ptr<Renderer> renderer;
  std::size_t response_bytes = 0;  // most bytes gathered when not streamed
  uint64_t received_ns = 0;
};

// An error before the first event is an HTTP status; after it, one `data: {"error":..}` and a
// broken stream. A deadline that passes after the first event cuts the answer instead: what there
// is goes out, its choices end with finish_reason "deadline". Calls that still run when this is
// destroyed are cancelled.
class Generation : public Reply {
 public:
  explicit Generation(GenerationSetup setup);
  ~Generation() override;

  void on_ready(std::function<void()> ready) override;
  std::optional<HttpResponse> head() override;
  State read(std::string& out, std::size_t most) override;
  std::string_view ping() const override { return ": ping\n\n"; }

 private:
  enum class Progress { wait, more, done, failed };

  Progress advance(std::string& out, std::size_t most);
  Progress drain(std::size_t call, std::string& out, std::size_t most);
  Status take(std::size_t call, const Event& event, std::string& out);
  Status settle(std::size_t call, const Finish& finish);
  void close_late(std::string& out);
  void cancel_rest();

  GenerationSetup setup_;
  std::vector<bool> call_done_;
  std::vector<bool> choice_done_;
  std::size_t calls_left_;
  Usage usage_;
  Error error_{Code::ok, {}, {}, 0};
  Error late_{Code::ok, {}, {}, 0};  // not ok: some call's deadline passed
  bool begun_ = false;               // an event has come, or all calls ended well
  std::string first_;                // streamed: rendered before the head was asked for
  Progress first_progress_ = Progress::wait;
};

}  // namespace serval::host
