// The conformance kit's host as a fixture for tests of the SDK.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "plugin-api/check/mini_host.h"
#include "serval/sdk.hpp"

namespace serval::sdk {

struct KitHost : testing::Test {
  check::MiniHost kit;
  check::HostModel& model = *kit.add_model();
  Host host{kit.table()};

  // Takes one request out of the queue, as a plugin's loop does.
  Request pull(check::Spec spec, int64_t credit = check::Stream::kUnlimited,
               const std::atomic<bool>* stopping = nullptr) {
    stream = kit.submit(model, std::move(spec), credit);
    const serval_budget budget{sizeof(budget), 1, 0, 0};
    serval_request* out = nullptr;
    EXPECT_EQ(kit.table()->pull(model.ref(), &budget, &out, 1), 1);
    return Request(kit.table(), out, stopping);
  }

  bool wait_finished(const std::vector<check::Stream*>& streams) {
    return kit.wait(30'000, [&] {
      for (const check::Stream* s : streams)
        if (!s->finished) return false;
      return true;
    });
  }

  // What the host does before it calls quiesce.
  void say_no_more() {
    kit.locked([&] { model.quiescing = true; });
    kit.notify();
  }

  std::string first_violation() {
    const auto all = kit.violations();
    return all.empty() ? "" : all.front().rule;
  }
  std::string first_error() {
    const auto all = kit.errors_logged();
    return all.empty() ? "" : all.front();
  }

  check::Stream* stream = nullptr;
};

}  // namespace serval::sdk
