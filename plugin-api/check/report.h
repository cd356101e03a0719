// What came out, for people and for machines.
#pragma once

#include <string>
#include <vector>

#include "runner.h"

namespace serval::check {

// One case as text, ending with a newline.
std::string text_line(const Outcome& outcome);
std::string text_summary(const std::vector<Outcome>& outcomes);
std::string json_report(const std::string& plugin, const std::vector<Outcome>& outcomes);
std::string junit_report(const std::string& plugin, const std::vector<Outcome>& outcomes);

}  // namespace serval::check
