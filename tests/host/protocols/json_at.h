// What stands at a JSON pointer of an answer.
#pragma once

#include <gtest/gtest.h>

#include "common/json.h"

namespace serval::host {

inline json::value json_at(const std::string& text, const std::string& pointer) {
  boost::system::error_code ec;
  const Result<json::value> root = parse_json(text);
  EXPECT_TRUE(root) << text;
  const json::value* found = root ? root->find_pointer(pointer, ec) : nullptr;
  EXPECT_NE(found, nullptr) << pointer << " in " << text;
  return found != nullptr ? *found : json::value();
}

}  // namespace serval::host
