// A registry over the fake plugins, and the few things every test of it does.
#pragma once

#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <thread>

#include "fake_plugin.h"
#include "host/models/make_registry.h"

namespace serval::host {

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() { fakes::reset_switches(); }
  ~RegistryTest() override {
    fakes::switches().hang.store(false);
    fakes::switches().hold_open.store(false);
  }

  RegistryOptions options;
  std::unique_ptr<ModelRegistry> registry;

  static ModelSpec spec(std::string name, std::string path = "/fake/a") {
    ModelSpec made;
    made.name = std::move(name);
    made.path = std::move(path);
    return made;
  }

  void make(std::vector<ModelSpec> models) {
    PluginSetOptions plugins;
    plugins.entries = {&fakes::kFakeEntry, &fakes::kOtherEntry};
    auto set = PluginSet::load(plugins);
    ASSERT_TRUE(set.ok());
    options.plugins = *set;
    options.models = std::move(models);
    auto made = make_model_registry(std::move(options));
    ASSERT_TRUE(made.ok()) << made.error().message;
    registry = std::move(*made);
  }

  // Waits as long as it takes: a hang is cut by the test's time limit.
  static void until(const std::function<bool()>& true_now) {
    while (!true_now()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  ModelState state(std::string_view name) const { return registry->find(name)->state; }

  void until_state(std::string_view name, ModelState want) {
    until([&] { return state(name) == want; });
  }

  static Request request(std::string model, int events = 1, int bytes = 1) {
    Request made;
    made.op = "fake";
    made.model = std::move(model);
    made.params_json =
        "{\"events\":" + std::to_string(events) + ",\"bytes\":" + std::to_string(bytes) + "}";
    return made;
  }

  // Reads to the end; the text, and the finish in `finish`.
  static std::string read_all(Call& call, Finish& finish) {
    std::string text;
    for (;;) {
      const auto end = call.finish();  // asked first: what is popped after it is all there is
      while (auto event = call.pop()) text += event->data;
      if (end) {
        finish = *end;
        return text;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
};

}  // namespace serval::host
