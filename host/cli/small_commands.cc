// Commands that only pass on: check and version.
#include <cstdio>
#include <vector>

#include "host/cli/commands.h"
#include "plugin-api/check/check.h"
#include "serval/types.h"

namespace serval::host {

int run_check(Words words) {
  std::vector<std::string> owned = {"serval check"};
  owned.insert(owned.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : owned) argv.push_back(word.data());
  argv.push_back(nullptr);
  return check::main(int(owned.size()), argv.data());
}

int run_version(Words words) {
  if (!words.empty() && words[0] != "--help")
    return wrong_arguments("version", "unexpected argument '" + words[0] + "'");
  std::printf("serval " SERVAL_VERSION ", plugin ABI %d.%d\n", SERVAL_ABI_MAJOR, SERVAL_ABI_MINOR);
  return 0;
}

}  // namespace serval::host
