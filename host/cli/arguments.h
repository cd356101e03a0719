// The command line: options of one command.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval::host {

struct OptionSpec {
  std::string_view name;   // "--config"
  std::string_view value;  // what it wants, for the help: "FILE"; "" for a switch
  std::string_view help;
  bool repeated = false;
};

class Arguments {
 public:
  // words: behind the command's name. "--name value" and "--name=value". invalid_argument: an
  // option that is not in `specs` (with the nearest one that is), one without its value or given
  // twice, a word that belongs to none.
  static Result<Arguments> parse(std::span<const std::string> words,
                                 std::span<const OptionSpec> specs);

  bool has(std::string_view name) const { return values_.contains(name); }
  std::string get(std::string_view name) const;  // "" if absent
  std::vector<std::string> all(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// "  --config FILE   what it does", one option a line.
std::string option_help(std::span<const OptionSpec> specs);

// "; did you mean X?" or "".
std::string suggestion(std::string_view word, std::span<const std::string_view> known);

}  // namespace serval::host
