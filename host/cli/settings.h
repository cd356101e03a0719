// What serve and config-check run with: the configuration, with what the machine adds to it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "host/cli/arguments.h"
#include "host/config/server_config.h"

namespace serval::host {

// The folder that the program's file is in.
std::filesystem::path program_folder();

// lib/serval/plugins beside the program's bin/.
std::filesystem::path default_plugin_dir();

// A model that is there without configuration: in $SERVAL_MODELS, in models/ of the working folder,
// or in models/ of the checkout that the program was built in. nullopt: none.
std::optional<ModelSection> default_model();

// --config and --set.
std::span<const OptionSpec> config_options();

// Fills what the configuration leaves open: plugin directory, cache folder, the default model.
// Errors: the configuration's; not_found when there is no model at all.
Result<ServerConfig> load_settings(const Arguments& arguments);

}  // namespace serval::host
