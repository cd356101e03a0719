// `--set key=value` laid over a parsed file.
#pragma once

#include <string>
#include <string_view>

#include "host/config/table_reader.h"

namespace serval::host {

// Parses TOML after refusing what would make the parser recurse without bound.
toml::parse_result parse_toml(std::string_view text, std::string name);
// Why this text is not even given to the parser; "" if it may be.
std::string unreasonable(std::string_view text);

// key: as in TOML, with model.INDEX. or model.NAME. for one of the models; INDEX may be their
// count, which adds a model. value: TOML, or else taken as a text.
void apply_override(toml::table& root, const std::string& text, ErrorList& errors);

}  // namespace serval::host
