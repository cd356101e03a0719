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

inline bool models_required() {
  const char* required = std::getenv("SERVAL_REQUIRE_MODELS");
  return required != nullptr && std::string(required) == "1";
}

}  // namespace serval

// Ends the test if the file is absent: skipped, or failed if SERVAL_REQUIRE_MODELS=1.
#define SERVAL_NEED_MODEL(path)                                            \
  do {                                                                     \
    if (!std::filesystem::exists(path)) {                                  \
      if (serval::models_required()) FAIL() << (path) << " is absent";     \
      GTEST_SKIP() << (path) << " is absent: scripts/get-model brings it"; \
    }                                                                      \
  } while (false)
