// The bytes of a plugin file, and the rules they must meet before any of them is executed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/plugins/elf_note.h"
#include "host/plugins/plugin_info.h"

namespace serval::host {

// Reads the file into memory: unlike a mapping, it cannot change or fault under the reader.
// resource_exhausted above 1 GiB.
Result<std::vector<std::byte>> read_plugin_file(const std::filesystem::path& path);

// Why this host cannot run the plugin, with what to do about it; "" if it can.
std::string check_note(const PluginNote& note,
                       const std::function<bool(std::string_view)>& has_feature);

// Fills all of `info` but path from the file's bytes.
void describe_plugin(const std::vector<std::byte>& file,
                     const std::function<bool(std::string_view)>& has_feature, PluginInfo& info);

}  // namespace serval::host
