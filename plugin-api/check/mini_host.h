// The kit's own host: just enough to run a plugin, and a witness to every rule it breaks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <serval/ext/draft/input_stream.h>
#include <serval/ext/metrics.h>
#include <serval/ext/progress.h>
#include <serval/plugin.h>
#include <string>
#include <vector>

#include "stream.h"

namespace serval::check {

struct HostOptions {
  uint16_t abi_minor = SERVAL_ABI_MINOR;
  uint32_t table_size = sizeof(serval_host);  // less: the rest of the table is unmapped memory
  uint32_t cancel_load_at = 0;  // progress report that is answered with CANCELLED; 0: none
};

struct Violation {
  std::string rule;  // a short name, as "finish_once"
  std::string what;
};

// One open model. All fields are guarded by the host's mutex.
struct HostModel {
  serval_model_ref* ref() { return reinterpret_cast<serval_model_ref*>(this); }

  class MiniHost* host = nullptr;
  std::deque<Stream*> waiting;
  bool opening = false;  // inside model_open
  bool woken = false;
  bool quiescing = false;  // pull answers that no request will come
  bool told = false;       // ... and has done so
  bool quiesced = false;   // model_quiesce has returned
  bool closed = false;     // model_close has returned
  bool pulling = false;
  uint64_t pulls = 0;
  uint64_t beats = 0;
  uint64_t beats_running = 0;  // beats that said running > 0
  uint64_t last_step = 0;
  uint64_t reports = 0;  // calls of progress/1
  std::vector<uint32_t> metric_kinds;
};

// Threads: all functions from any thread. None calls the plugin.
class MiniHost {
 public:
  explicit MiniHost(HostOptions options = {});
  ~MiniHost();
  MiniHost(const MiniHost&) = delete;
  MiniHost& operator=(const MiniHost&) = delete;

  // In memory that cannot be written.
  const serval_host* table() const { return table_; }
  // True if p lies in the table or in the guard behind it.
  bool owns_address(const void* p) const;

  HostModel* add_model();
  // cancel_on_pull: pull sets the cancel word to it as it hands the request out; 0: it does not.
  // A streamed or uploaded input is there from the start, or comes with feed() when `arriving`.
  Stream* submit(HostModel& model, Spec spec, int64_t credit = Stream::kUnlimited,
                 uint32_t cancel_on_pull = 0, bool arriving = false);
  // Takes a request that still waits out of the queue. False: it is pulled.
  bool withdraw(HostModel& model, const Stream& stream);

  // Waits until done(), asked under the mutex after each event, is true. False: it took too long.
  bool wait(uint64_t timeout_ms, const std::function<bool()>& done);

  // Reads or changes anything under the mutex.
  template <class F>
  auto locked(F&& f) {
    const std::lock_guard lock(mutex_);
    return f();
  }
  void notify();

  void violate(const std::string& rule, const std::string& what);
  std::vector<Violation> violations();
  std::vector<std::string> errors_logged();
  void close_for_calls();  // the plugin is destroyed: every further call is a violation

 private:
  friend struct HostTable;

  const HostOptions options_;
  serval_ext_metrics metrics_;
  serval_ext_progress progress_;
  serval_ext_input_stream input_stream_;
  serval_host* table_ = nullptr;
  void* pages_ = nullptr;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<HostModel>> models_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Violation> violations_;
  std::vector<std::string> errors_;
  bool destroyed_ = false;
};

uint64_t now_ns();

}  // namespace serval::check
