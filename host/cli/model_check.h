// Is a configured model one that the loaded plugins could serve? Loads nothing.
#pragma once

#include <string>
#include <vector>

#include "host/config/server_config.h"
#include "host/models/plugin_set.h"

namespace serval::host {

// What is wrong, each with its place in the configuration; empty if nothing is.
std::vector<std::string> check_model(const ModelSection& model, const PluginSet& plugins);

}  // namespace serval::host
