// Reads the Serval note of a shared object without running or mapping any of its code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/result.h"

namespace serval::host {

struct PluginNote {
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;
  uint16_t min_host_minor = 0;
  std::string id;
  std::string version;
  std::string cpu;  // comma-separated feature names
};

// file: the whole file. Any bytes are safe to pass. Errors, as data_loss or failed_precondition,
// say what is wrong with the file: not ELF, other class or machine, segments that end behind the
// file, no note, two notes, a damaged note. source: System V ABI, chapters 4 and 5; the note's
// layout is serval_note in serval/plugin.h.
Result<PluginNote> read_plugin_note(std::span<const std::byte> file);

}  // namespace serval::host
