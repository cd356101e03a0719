// A registry that passes everything on; decorators change what they need.
#pragma once

#include "host/models/registry.h"

namespace serval::host {

class ForwardingRegistry : public ModelRegistry {
 public:
  explicit ForwardingRegistry(ModelRegistry& inner) : inner_(inner) {}  // inner outlives it

  Result<std::shared_ptr<Call>> submit(Request request) override {
    return inner_.submit(std::move(request));
  }
  std::vector<ModelInfo> list() const override { return inner_.list(); }
  Result<ModelInfo> find(std::string_view name) const override { return inner_.find(name); }
  Status load(std::string_view name) override { return inner_.load(name); }
  Status unload(std::string_view name) override { return inner_.unload(name); }
  bool ready(std::vector<std::string>* why_not) const override { return inner_.ready(why_not); }
  void begin_drain() override { inner_.begin_drain(); }
  void shutdown(uint64_t deadline_ns) override { inner_.shutdown(deadline_ns); }
  void shutdown_now() override { inner_.shutdown_now(); }

 protected:
  ModelRegistry& inner_;
};

}  // namespace serval::host
