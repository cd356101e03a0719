// The running part of the fake plugin. Internal to tests/host/fakes.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "fake_plugin.h"

namespace serval::fakes {

class FakeModel {
 public:
  FakeModel(const serval_host* host, serval_model_ref* ref, uint64_t number, uint32_t slots)
      : host_(host), ref_(ref), number_(number), slots_(slots) {}
  ~FakeModel();

  void start();
  void quiesce();
  void signal(uint32_t kind, uint64_t id);

 private:
  struct Work {
    serval_request* handle;
    const serval_request_view* view;
    uint64_t left;
    std::string text;
    bool parked = false;
  };
  void run();
  void admit(serval_request* handle);
  bool step(Work& work);  // false when it has ended
  void end(Work& work, serval_status code, const char* message);

  const serval_host* const host_;
  serval_model_ref* const ref_;
  const uint64_t number_;
  const uint32_t slots_;
  std::thread loop_;
  std::atomic<bool> stopping_{false};
  std::map<uint64_t, Work> running_;
  std::mutex mutex_;
  std::set<uint64_t> writable_;
};

}  // namespace serval::fakes
