// Which model serves a request that need not name one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "host/models/registry.h"

namespace serval::host {

// What the routes of protocols with optional model names are made of.
struct ItemRouteOptions {
  ModelRegistry* registry = nullptr;       // required; outlives the router
  std::vector<std::string> order;          // names of the models as the configuration has them
  std::size_t items = 4096;                // most items of one request
  std::size_t body_bytes = 32u << 20;      // of one request
  std::size_t response_bytes = 64u << 20;  // most bytes gathered for a reply
};

// Thread-safe.
class ModelChoice {
 public:
  // order: names not in it come behind it
  ModelChoice(const ModelRegistry& registry, std::vector<std::string> order)
      : registry_(registry), order_(std::move(order)) {}

  // The named model alone; without a name all that are ready and have the operation, in the order
  // of the configuration. Whether one can serve what is wanted only it knows, so those that said
  // no to the same `what` since they were loaded come last.
  // not_found: the name is unknown, or no model has the operation. unavailable: one may have it
  // once it is loaded.
  Result<std::vector<std::string>> candidates(std::string_view name, std::string_view op,
                                              std::string_view what) const;

  // The model has refused `what` as unimplemented.
  void refused(std::string_view model, std::string_view what);

 private:
  std::size_t place_of(const std::string& model) const;

  const ModelRegistry& registry_;
  const std::vector<std::string> order_;
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> refusals_;  // "model\nwhat": the version that refused
};

// The model that a body (`given`) or `?model=` of the query names; "" when neither does.
// invalid_argument: they differ, or the query is not well encoded.
Result<std::string> model_named(std::string_view given, std::string_view query);

}  // namespace serval::host
