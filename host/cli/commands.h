// The commands of the program. Each takes the words behind its name and returns the exit status:
// 0 all is well, 1 it failed, 2 wrong arguments.
#pragma once

#include <span>
#include <string>

namespace serval::host {

using Words = std::span<const std::string>;

int run_serve(Words words);
int run_config_check(Words words);
int run_plugins(Words words);
int run_keys(Words words);
int run_check(Words words);
int run_version(Words words);

// Prints "serval COMMAND: message" to standard error; returns 2.
int wrong_arguments(const std::string& command, const std::string& message);

}  // namespace serval::host
