// A [model.config] table as the JSON text that plugins get.
#pragma once

#include <map>
#include <string>

#include "host/config/table_reader.h"

namespace serval::host {

// Notes in `places` where each value stands, by JSON pointer ("" is the table). What JSON cannot
// hold (dates, infinities) is an error.
std::string toml_to_json(const toml::table& table, const std::string& prefix,
                         std::map<std::string, std::string>& places, ErrorList& errors);

// "/a~1b/0" -> "a/b.0", as messages name keys.
std::string pointer_to_key(std::string_view pointer);

}  // namespace serval::host
