#include "case.h"

namespace serval::check {

void Context::fail(const std::string& what) {
  failed_ = true;
  on_failure_(what);
}

void Context::stop(const std::string& what) {
  fail(what);
  throw Stopped{};
}

void Context::skip(const std::string& why) {
  skipped_ = why;
  throw Stopped{};
}

void Context::skip_under_sanitizers() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip("the kit is built with a sanitizer");
#endif
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& group :
       {load_cases(), lifecycle_cases(), resource_cases(), request_cases(), contract_cases(),
        cancel_cases(), flow_cases(), input_cases(), thread_cases()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

}  // namespace serval::check
