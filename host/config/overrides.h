// `--set key=value` laid over a parsed file.
#pragma once

#include <string>
#include <string_view>

#include "host/config/table_reader.h"

namespace serval::host {

struct ParsedToml {
  toml::table root;
  std::string problem;  // what is wrong with the text; empty: nothing
  toml::source_region place;

  bool ok() const { return problem.empty(); }
};
// name: of the file, for places. REQUIRES: unreasonable(text) is empty.
ParsedToml parse_toml(std::string_view text, const std::string& name);

// Why this text is not even given to the parser; "" if it may be.
std::string unreasonable(std::string_view text);

// key: as in TOML, with model.INDEX. or model.NAME. for one of the models; INDEX may be their
// count, which adds a model. value: TOML, or else taken as a text.
void apply_override(toml::table& root, const std::string& text, ErrorList& errors);

}  // namespace serval::host
