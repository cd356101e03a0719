// Between the run loop and a plugin's own engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "serval/sdk/engine.hpp"

namespace serval::sdk {

// Loaded: what the plugin has made of a model's files; its engine() has step(), writable(id),
// running() and counts(). Metrics: report(counts) is called behind every step. A plugin derives and
// writes how requests come in and how all of them end. Threads: as Engine.
template <class Loaded, class Metrics>
class LoadedEngine : public Engine {
 public:
  // most: requests held at a time; the rest waits in the host's queue.
  LoadedEngine(std::unique_ptr<Loaded> loaded, Metrics metrics, uint32_t most)
      : loaded_(std::move(loaded)), metrics_(std::move(metrics)), most_(most) {}

  uint32_t room() override { return room_beside(engine().running()); }
  bool step() override {
    const bool worked = engine().step();
    metrics_.report(engine().counts());
    return worked;
  }
  void writable(uint64_t id) override { engine().writable(id); }
  uint64_t running() override { return engine().running(); }

 protected:
  uint32_t room_beside(std::size_t held) const {
    return held >= most_ ? 0 : uint32_t(most_ - held);
  }
  auto& engine() { return loaded_->engine(); }

 private:
  std::unique_ptr<Loaded> loaded_;
  Metrics metrics_;
  uint32_t most_;
};

}  // namespace serval::sdk
