// What the file says of itself, read without running any of its code.
#pragma once

#include <optional>
#include <serval/plugin.h>
#include <string>
#include <vector>

#include "serval/sdk/result.hpp"

namespace serval::check {

struct ElfFile {
  std::vector<std::string> exports;  // defined dynamic symbols that other files can bind to
  std::vector<serval_note> notes;    // those of owner "Serval", type SERVAL_NOTE_TYPE
};

// path: a 64-bit little-endian ELF shared object. Errors name what is wrong with it.
sdk::Result<ElfFile> read_elf(const std::string& path);

}  // namespace serval::check
