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

// The configuration, with what it leaves open filled: plugin directory, cache folder, the default
// model. Fails with all its errors, one a line; that there is no model at all is one.
Result<ServerConfig> load_settings(const Arguments& arguments);

// The same for checks that go on in spite of errors. Fails only if the file cannot be read.
Result<ConfigDraft> draft_settings(const Arguments& arguments);

}  // namespace serval::host
