// Runs cases, each in a child process with a time limit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "case.h"

namespace serval::check {

enum class Verdict { passed, failed, crashed, timed_out, skipped };
std::string_view verdict_name(Verdict verdict);

struct Outcome {
  std::string name;
  std::string claim;
  Verdict verdict = Verdict::passed;
  std::string text;  // failures, a line each; or why it was skipped
  double seconds = 0;

  bool bad() const { return verdict != Verdict::passed && verdict != Verdict::skipped; }
};

Outcome run_case(const Case& c, const Options& options, const Requests& requests,
                 const std::string& cache_dir);

}  // namespace serval::check
