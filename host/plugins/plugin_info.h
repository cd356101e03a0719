// What is known of one file of the plugin directory, as `serval plugins` lists it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace serval::host {

struct PluginInfo {
  std::filesystem::path path;
  std::string id;  // these come from the file's ELF note; empty if it could not be read
  std::string version;
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;
  uint16_t min_host_minor = 0;
  std::string cpu;      // needed CPU features, as "avx2,fma"
  std::string sha256;   // lower-case hex, of the file as scanned
  std::string refusal;  // why it is not used, with what to do about it; empty: accepted

  bool accepted() const { return refusal.empty(); }
};

}  // namespace serval::host
