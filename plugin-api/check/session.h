// A plugin in use: loaded, created, with models open. Each step that fails ends the case.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "case.h"
#include "mini_host.h"

namespace serval::check {

// A shared object that is open. Unloaded at the end.
class Library {
 public:
  explicit Library(Context& context);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const serval_entry& entry() const { return *entry_; }
  void keep_loaded() { handle_ = nullptr; }

 private:
  void* handle_ = nullptr;
  const serval_entry* entry_ = nullptr;
};

// What model_open said.
struct Opened {
  serval_status code = SERVAL_OK;
  void* model = nullptr;
  std::string message;
};

class Session {
 public:
  explicit Session(Context& context, HostOptions options = {});
  // Quiesces, closes, destroys, unloads; reports all rules that were broken. When the case has
  // failed already, it leaves everything as it is: nothing is known of the plugin's state.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  MiniHost& host() { return *host_; }
  const serval_plugin& plugin() const { return *plugin_; }
  const serval_entry& entry() const { return library_->entry(); }
  std::vector<std::string> ops() const;  // those the kit can make requests for; the case is skipped
                                         // when there is none

  // One model at a time for most cases: open() and start() make it the current one.
  Opened try_open(const std::string& path);
  void open();
  void start();
  void run() { open(), start(); }
  void quiesce(uint64_t deadline_ns);
  void close();
  // Quiesces and closes a started model that is not the current one any more.
  void close_other(HostModel& model, void* handle);
  void destroy();

  HostModel& model() { return *host_model_; }
  void* handle() { return model_; }

  // Those whose requests have an input 0 that arrives, or arrives as an upload. The case is skipped
  // when there is none.
  std::vector<std::string> arriving_ops() const;
  std::vector<std::string> uploaded_ops() const;

  Stream* submit(Spec spec, int64_t credit = Stream::kUnlimited);
  // With nothing of its arriving input yet: feed() lets so much of it come, 0 says that there is no
  // more.
  Stream* submit_arriving(Spec spec);
  void feed(Stream& stream, std::size_t bytes);
  void cancel(Stream& stream, uint32_t reason);  // sets the word and signals
  void grant(Stream& stream, int64_t events);  // more credit; signals when the plugin waits for it
  void signal(uint32_t kind, uint64_t id) { plugin_->model_signal(model_, kind, id); }

  // Ends the case when it takes longer than the context's patience.
  void wait_finished(const std::vector<Stream*>& streams);
  void wait_for(const std::string& what, const std::function<bool()>& done);
  // Runs one request alone and expects SERVAL_OK.
  Stream* run_one(Spec spec);
  // A valid request that runs for a while: of size text where a small model has no room for more,
  // which is found out by asking once. REQUIRES: a model runs.
  Spec lots(const std::string& op, int variant = 0);
  // From now on only this rule's violations fail the case.
  void watch_only(const std::string& rule) { only_rule_ = rule; }

 private:
  Arrival arrival_of(const std::string& op) const {
    return context_.requests.make(op, Size::text).arrival;
  }
  void report_violations();

  Context& context_;
  std::unique_ptr<MiniHost> host_;
  std::unique_ptr<Library> library_;
  const serval_plugin* plugin_ = nullptr;
  std::string only_rule_;
  std::map<std::string, Size> most_;  // by op
  std::size_t reported_ = 0;          // violations
  std::string path_;
  HostModel* host_model_ = nullptr;
  void* model_ = nullptr;
  bool started_ = false;
  serval_model_config config_{};
};

std::string code_name(serval_status code);

}  // namespace serval::check
