#include <array>
#include <cstdio>

#include "host/cli/arguments.h"
#include "host/cli/commands.h"
#include "host/security/key_file.h"

namespace serval::host {
namespace {

constexpr std::array<OptionSpec, 4> kOptions = {{
    {"--id", "NAME", "names the key in logs; required", false},
    {"--tenant", "NAME", "who pays: queue share and cache; default: the id", false},
    {"--scopes", "LIST", "of infer, admin, metrics, with commas; default: infer", false},
    {"--help", "", "prints this", false},
}};

}  // namespace

int run_keys(Words words) {
  if (words.empty() || words[0] != "new") {
    if (!words.empty() && words[0] == "--help") {
      std::printf("usage: serval keys new [OPTIONS]\n\n%s", option_help(kOptions).c_str());
      return 0;
    }
    return wrong_arguments("keys", "want: serval keys new --id NAME");
  }
  const Result<Arguments> arguments = Arguments::parse(words.subspan(1), kOptions);
  if (!arguments) return wrong_arguments("keys", arguments.error().message);
  if (arguments->has("--help")) {
    std::printf("usage: serval keys new [OPTIONS]\n\n%s", option_help(kOptions).c_str());
    return 0;
  }
  const std::string id = arguments->get("--id");
  if (id.empty()) return wrong_arguments("keys", "--id is missing");
  const std::string tenant = arguments->has("--tenant") ? arguments->get("--tenant") : id;
  const std::string scopes = arguments->has("--scopes") ? arguments->get("--scopes") : "infer";
  const Result<NewKey> made = make_key(id, tenant, scopes);
  if (!made) {
    std::fprintf(stderr, "serval keys: %s\n", made.error().message.c_str());
    return made.error().code == Code::invalid_argument ? 2 : 1;
  }
  std::printf("key, for its user; it is not shown again:\n%s\n\nline for the keys file:\n%s\n",
              made->key.c_str(), made->line.c_str());
  return 0;
}

}  // namespace serval::host
