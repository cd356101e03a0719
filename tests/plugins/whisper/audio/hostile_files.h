// Sound files in memory: whole ones of each format, damaged and absurd ones.
#pragma once

#include <map>
#include <string>

namespace serval::whisper {

using Files = std::map<std::string, std::string>;  // name, bytes

Files whole_files();    // one second of each format
Files absurd_files();   // made by hand
Files hostile_files();  // the absurd ones, and the whole ones damaged in every way

}  // namespace serval::whisper
