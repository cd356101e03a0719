// Real model files for tests: in $SERVAL_MODELS, else in models/ of the source tree, as
// scripts/get-model puts them there.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace serval {

inline std::filesystem::path test_model_path(const std::string& relative) {
  const char* folder = std::getenv("SERVAL_MODELS");
  return std::filesystem::path(folder != nullptr ? folder : SERVAL_SOURCE_DIR "/models") / relative;
}

// SERVAL_REQUIRE_MODELS: "quick" wants the models of the quick lane, "long" all of them.
inline bool model_required(bool long_lane) {
  const char* required = std::getenv("SERVAL_REQUIRE_MODELS");
  const std::string which = required != nullptr ? required : "";
  return which == "long" || (which == "quick" && !long_lane);
}

}  // namespace serval

// Ends the test if the file is absent: skipped, or failed if SERVAL_REQUIRE_MODELS asks for it.
#define SERVAL_NEED_MODEL(path) SERVAL_NEED_MODEL_OF(path, false)
#define SERVAL_NEED_LONG_MODEL(path) SERVAL_NEED_MODEL_OF(path, true)
#define SERVAL_NEED_MODEL_OF(path, long_lane)                              \
  do {                                                                     \
    if (!std::filesystem::exists(path)) {                                  \
      if (serval::model_required(long_lane)) FAIL() << (path) << " is absent";     \
      GTEST_SKIP() << (path) << " is absent: scripts/get-model brings it"; \
    }                                                                      \
  } while (false)
