// The command line of the kit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serval/sdk/result.hpp"

namespace serval::check {

struct Options {
  std::string plugin;                      // path of the shared object
  std::string model;                       // path given to the plugin as the model's; may be ""
  std::string config = "{}";               // the [model.config] table as a JSON object
  std::string filter;                      // regular expression on case names; "": all
  std::vector<std::string> request_files;  // see requests.h
  std::string json_file;                   // report; "" for none, "-" for standard output
  std::string junit_file;
  uint32_t timeout_s = 120;  // for one case
  bool in_process = false;
  bool only_failed = false;
  bool list = false;
  bool help = false;
};

sdk::Result<Options> parse_options(int argc, char** argv);
std::string_view usage();

}  // namespace serval::check
