#include <cstdio>
#include <unistd.h>

#include "host/cli/commands.h"
#include "host/cli/model_check.h"
#include "host/cli/settings.h"
#include "host/net/tls.h"
#include "host/security/key_store.h"

namespace serval::host {
namespace {

// Prints one problem; returns 1, so that callers count.
int problem(const std::string& text) {
  std::printf("%s\n", text.c_str());
  return 1;
}

int check_plugins(const PluginSet& plugins) {
  int problems = 0;
  for (const PluginInfo& info : plugins.infos())
    if (!info.accepted())
      problems += problem(info.path.string() + ": plugin refused: " + info.refusal);
    else
      std::printf("plugin %s %s, sha256 %s\n", info.id.c_str(), info.version.c_str(),
                  info.sha256.c_str());
  return problems;
}

// What the configuration names: keys, certificate, plugins, models.
int check_parts(const ServerConfig& config) {
  int problems = 0;
  if (!config.auth.keys_file.empty())
    if (const auto keys = KeyStore::open(config.auth.keys_file); !keys)
      problems += problem("auth.keys_file: " + keys.error().message);
  if (!config.tls.cert.empty() && !config.tls.key.empty())
    if (const auto tls = TlsContext::load(config.tls.cert, config.tls.key); !tls)
      problems += problem("tls: " + tls.error().message);
  PluginSetOptions options;
  options.directory = config.plugins.dir;
  options.scan.check_owner = config.plugins.check_owner;
  const auto plugins = PluginSet::load(std::move(options));
  if (!plugins) return problems + problem("plugins.dir: " + plugins.error().message);
  problems += check_plugins(**plugins);
  for (const ModelSection& model : config.models)
    for (const std::string& text : check_model(model, **plugins)) problems += problem(text);
  return problems;
}

}  // namespace

int run_config_check(Words words) {
  const Result<Arguments> arguments = Arguments::parse(words, config_options());
  if (!arguments) return wrong_arguments("config-check", arguments.error().message);
  if (arguments->has("--help")) {
    std::printf("usage: serval config-check [OPTIONS]\n\n%s",
                option_help(config_options()).c_str());
    return 0;
  }
  const Result<ConfigDraft> draft = draft_settings(*arguments);
  if (!draft) return problem(draft.error().message);
  int problems = draft->errors.empty() ? 0 : problem(draft->errors);
  if (draft->readable) problems += check_parts(draft->config);
  if (problems != 0) return 1;
  std::printf("configuration is good: %zu models\n", draft->config.models.size());
  return 0;
}

}  // namespace serval::host
