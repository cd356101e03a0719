#include "host/cli/model_check.h"

#include <sstream>
#include <unistd.h>

#include "host/config/toml_json.h"

namespace serval::host {
namespace {

// The place of a pointer, or of the nearest table around it: a key may be missing.
std::string place_of(const ModelSection& model, std::string pointer) {
  while (true) {
    const auto at = model.places.find(pointer);
    if (at != model.places.end() && !at->second.empty()) return at->second;
    if (pointer.empty()) return model.where;
    pointer.resize(pointer.rfind('/') == std::string::npos ? 0 : pointer.rfind('/'));
  }
}

}  // namespace

std::vector<std::string> check_model(const ModelSection& model, const PluginSet& plugins) {
  std::vector<std::string> problems;
  const ModelSpec& spec = model.spec;
  const std::string head = model.where + ": model " + spec.name + ": ";
  if (!spec.path.empty() && access(spec.path.c_str(), R_OK) != 0)
    problems.push_back(head + "path: there is no readable file or folder " + spec.path);
  if (spec.plugin.empty()) return problems;  // the plugins are asked when it is loaded
  if (plugins.find(spec.plugin) == nullptr) {
    std::string known;
    for (const PluginInfo& info : plugins.infos())
      if (info.accepted()) (known += known.empty() ? "" : ", ") += info.id;
    problems.push_back(head + "plugin: found \"" + spec.plugin +
                       "\", want one of: " + (known.empty() ? "none is loaded" : known));
    return problems;
  }
  const Status status = plugins.check_config(spec.plugin, spec.config_json);
  if (status.ok()) return problems;
  std::istringstream lines(status.error().message);  // "pointer: message"
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos || (colon != 0 && line[0] != '/')) {
      problems.push_back(head + "config: " + line);
      continue;
    }
    const std::string pointer = line.substr(0, colon);
    const std::string key = pointer_to_key(pointer);
    problems.push_back(place_of(model, pointer) + ": model " + spec.name + ": config" +
                       (key.empty() ? "" : "." + key) + line.substr(colon));
  }
  return problems;
}

}  // namespace serval::host
