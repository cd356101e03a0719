// The `serval` program: finds the command and runs it.
#include <cstdio>
#include <string>
#include <vector>

#include "host/cli/arguments.h"
#include "host/cli/commands.h"

namespace serval::host {
namespace {

struct Command {
  std::string_view name;
  int (*run)(Words);
  std::string_view help;
};

constexpr Command kCommands[] = {
    {"serve", run_serve, "run the server"},
    {"config-check", run_config_check, "check configuration, plugins and models; open no port"},
    {"plugins", run_plugins, "list the plugin directory, with the reason for each refusal"},
    {"check", run_check, "run the conformance checks against a plugin"},
    {"keys", run_keys, "make an API key"},
    {"version", run_version, "print the version"},
};

void print_help() {
  std::printf("usage: serval COMMAND [OPTIONS]\n\n");
  for (const Command& command : kCommands)
    std::printf("  %-14s%s\n", std::string(command.name).c_str(),
                std::string(command.help).c_str());
  std::printf("\n'serval COMMAND --help' lists the options of a command.\n");
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    print_help();
    return 2;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return 0;
  }
  const std::string name = words[0] == "--version" ? "version" : words[0];
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(Words(words).subspan(1));
    names.push_back(command.name);
  }
  std::fprintf(stderr, "serval: unknown command '%s'%s\n'serval --help' lists them.\n",
               name.c_str(), suggestion(name, names).c_str());
  return 2;
}

}  // namespace

int wrong_arguments(const std::string& command, const std::string& message) {
  std::fprintf(stderr, "serval %s: %s\n'serval %s --help' lists the options.\n", command.c_str(),
               message.c_str(), command.c_str());
  return 2;
}

}  // namespace serval::host

int main(int argc, char** argv) {
  return serval::host::run(std::vector<std::string>(argv + 1, argv + (argc > 0 ? argc : 1)));
}
