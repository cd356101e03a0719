#include "host/protocols/model_choice.h"

#include <algorithm>

#include "host/net/router.h"

namespace serval::host {
namespace {

constexpr uint32_t kRetryMs = 1000;

std::string key_of(std::string_view model, std::string_view what) {
  return std::string(model) + '\n' + std::string(what);
}

bool has_op(const ModelInfo& model, std::string_view op) {
  return std::find(model.ops.begin(), model.ops.end(), op) != model.ops.end();
}

// Its operations are known once it is loaded.
bool may_become_ready(const ModelInfo& model) {
  return model.state == ModelState::waiting || model.state == ModelState::loading;
}

}  // namespace

std::size_t ModelChoice::place_of(const std::string& model) const {
  return std::size_t(std::find(order_.begin(), order_.end(), model) - order_.begin());
}

Result<std::vector<std::string>> ModelChoice::candidates(std::string_view name, std::string_view op,
                                                         std::string_view what) const {
  if (!name.empty()) {
    const Result<ModelInfo> model = registry_.find(name);
    if (model) return std::vector<std::string>{model->name};
    Error unknown = model.error();
    if (unknown.param.empty()) unknown.param = "model";
    return unknown;
  }
  struct Candidate {
    bool refuses = false;
    std::size_t place = 0;
    std::string name;
  };
  std::vector<Candidate> found;
  bool may_come = false;
  const std::vector<ModelInfo> models = registry_.list();
  const std::lock_guard lock(mutex_);
  for (const ModelInfo& model : models) {
    may_come = may_come || may_become_ready(model);
    if (model.state != ModelState::ready || !has_op(model, op)) continue;
    const auto refusal = refusals_.find(key_of(model.name, what));
    const bool refuses = refusal != refusals_.end() && refusal->second == model.version;
    found.push_back({refuses, place_of(model.name), model.name});
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.refuses, a.place, a.name) < std::tie(b.refuses, b.place, b.name);
  });
  if (found.empty()) {
    const std::string text = "no model of this server is ready for the operation " +
                             std::string(op) + "; GET /v1/models lists the models";
    if (may_come) return Error{Code::unavailable, text, "model", kRetryMs};
    return error(Code::not_found, text, "model");
  }
  std::vector<std::string> names;
  for (Candidate& candidate : found) names.push_back(std::move(candidate.name));
  return names;
}

void ModelChoice::refused(std::string_view model, std::string_view what) {
  const Result<ModelInfo> info = registry_.find(model);
  if (!info) return;
  const std::lock_guard lock(mutex_);
  refusals_[key_of(model, what)] = info->version;
}

Result<std::string> model_named(std::string_view given, std::string_view query) {
  constexpr std::string_view kKey = "model=";
  std::string name(given);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.substr(0, kKey.size()) != kKey) continue;
    std::optional<std::string> decoded = percent_decode(pair.substr(kKey.size()));
    if (!decoded) return invalid("model of the query is not well encoded", "model");
    if (!name.empty() && name != *decoded)
      return invalid("model is given twice and differs", "model");
    name = std::move(*decoded);
  }
  return name;
}

}  // namespace serval::host
