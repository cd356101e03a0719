#include "host/cli/settings.h"

#include <array>
#include <cstdlib>

namespace serval::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultModel = "smollm2-135m-instruct";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The user's cache folder; "" when the user has none, then nothing is cached.
std::string default_cache_dir() {
  if (const std::string base = environment("XDG_CACHE_HOME"); base.starts_with('/'))
    return base + "/serval";
  if (const std::string home = environment("HOME"); home.starts_with('/'))
    return home + "/.cache/serval";
  return "";
}

}  // namespace

fs::path program_folder() {
  std::error_code bad;
  return fs::read_symlink("/proc/self/exe", bad).parent_path();
}

fs::path default_plugin_dir() {
  return (program_folder() / "../lib/serval/plugins").lexically_normal();
}

std::optional<ModelSection> default_model() {
  std::vector<fs::path> folders;
  if (const std::string models = environment("SERVAL_MODELS"); !models.empty())
    folders.push_back(models);
  std::error_code bad;
  folders.push_back(fs::current_path(bad) / "models");
  folders.push_back((program_folder() / "../../models").lexically_normal());
  for (const fs::path& folder : folders) {
    const fs::path model = folder / kDefaultModel;
    if (!fs::is_directory(model, bad)) continue;
    ModelSection section;
    section.spec.name = kDefaultModel;
    section.spec.plugin = "org.serval.llm";
    section.spec.path = model.string();
    section.where = "built-in default";
    return section;
  }
  return std::nullopt;
}

std::span<const OptionSpec> config_options() {
  static constexpr std::array<OptionSpec, 3> kOptions = {{
      {"--config", "FILE", "the configuration, TOML; without it built-in defaults hold", false},
      {"--set", "KEY=VALUE", "overrides one key, as server.listen=127.0.0.1:9000; repeatable",
       true},
      {"--help", "", "prints this", false},
  }};
  return kOptions;
}

Result<ConfigDraft> draft_settings(const Arguments& arguments) {
  if (arguments.has("--config") && arguments.get("--config").empty())
    return invalid("--config wants the name of a file");
  Result<ConfigDraft> draft =
      draft_config({.file = arguments.get("--config"), .texts = arguments.all("--set")});
  if (!draft || !draft->readable) return draft;
  ServerConfig& config = draft->config;
  if (config.plugins.dir.empty()) config.plugins.dir = default_plugin_dir().string();
  if (config.server.cache_dir.empty()) config.server.cache_dir = default_cache_dir();
  if (!config.models.empty()) return draft;
  if (std::optional<ModelSection> model = default_model()) {
    model->spec.queue = config.limits.queue;
    config.models.push_back(std::move(*model));
  } else {
    (draft->errors += draft->errors.empty() ? "" : "\n") +=
        std::string("no [[model]] is configured, and there is no ") + kDefaultModel +
        " in $SERVAL_MODELS, ./models or the checkout's models/; scripts/get-model " +
        kDefaultModel + " gets it";
  }
  return draft;
}

Result<ServerConfig> load_settings(const Arguments& arguments) {
  Result<ConfigDraft> draft = draft_settings(arguments);
  if (!draft) return draft.error();
  if (!draft->errors.empty()) return invalid(std::move(draft->errors));
  return std::move(draft->config);
}

}  // namespace serval::host
