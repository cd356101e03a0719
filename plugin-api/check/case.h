// One thing the kit checks, and what its code has at hand.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"
#include "requests.h"

namespace serval::check {

// Thrown by Context::stop and Context::skip, caught by the runner; never crosses into the plugin.
struct Stopped {};

class Context {
 public:
  Context(const Options& options, const Requests& requests, std::string cache_dir,
          std::function<void(std::string_view)> on_failure)
      : options(options),
        requests(requests),
        cache_dir(std::move(cache_dir)),
        on_failure_(std::move(on_failure)) {}

  const Options& options;
  const Requests& requests;
  const std::string cache_dir;  // an empty folder at the kit's start, shared by its cases

  // The case has failed; it goes on.
  void fail(const std::string& what);
  void expect(bool good, const std::string& what) {
    if (!good) fail(what);
  }
  // The case has failed and cannot go on.
  [[noreturn]] void stop(const std::string& what);
  // The case does not apply to this plugin or build.
  [[noreturn]] void skip(const std::string& why);
  void skip_unless(bool applies, const std::string& why) {
    if (!applies) skip(why);
  }
  // Memory figures mean nothing under a sanitizer.
  void skip_under_sanitizers();

  bool failed() const { return failed_; }
  const std::string& skipped() const { return skipped_; }

  // The most a case waits for anything the plugin should do soon: well under the case's time limit.
  uint64_t patience_ms() const { return uint64_t{options.timeout_s} * 1000 / 2; }

 private:
  std::function<void(std::string_view)> on_failure_;
  bool failed_ = false;
  std::string skipped_;
};

struct Case {
  std::string_view name;   // group.name
  std::string_view claim;  // what a good plugin does
  void (*run)(Context&);
};

std::span<const Case> load_cases();
std::span<const Case> lifecycle_cases();
std::span<const Case> resource_cases();
std::span<const Case> request_cases();
std::span<const Case> contract_cases();
std::span<const Case> cancel_cases();
std::span<const Case> flow_cases();
std::span<const Case> input_cases();
std::span<const Case> thread_cases();
std::vector<Case> all_cases();

}  // namespace serval::check
