// Reads what tools/golden/chat_templates.py wrote.
#pragma once

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "common/jinja/template.h"
#include "common/json.h"

namespace serval::jinja {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// SERVAL_TEMPLATE_DIR and SERVAL_TEMPLATE_GOLDEN point the same test at other templates.
inline std::filesystem::path template_dir() {
  if (const char* dir = std::getenv("SERVAL_TEMPLATE_DIR")) return dir;
  return std::filesystem::path(SERVAL_GOLDEN_DIR) / "templates";
}

inline json::value read_golden(const std::filesystem::path& path) {
  Result<json::value> parsed = parse_json(read_text(path));
  if (!parsed) {
    ADD_FAILURE() << path << ": " << parsed.error().message;
    return json::object();
  }
  return std::move(*parsed);
}

// The moment the goldens were made at, in whatever zone this machine is.
inline RenderOptions golden_options() {
  std::tm tm{};
  tm.tm_year = 125;
  tm.tm_mon = 2;
  tm.tm_mday = 9;
  tm.tm_hour = 14;
  tm.tm_min = 5;
  tm.tm_sec = 7;
  tm.tm_isdst = -1;
  RenderOptions options;
  options.now = std::mktime(&tm);
  return options;
}

// Renders and compares with {"text": ...}, {"raised": ...} or {"error": ...}.
inline void expect_golden(const std::string& source, const json::object& context,
                          const json::object& want) {
  const Result<Template> parsed = Template::parse(source);
  const Result<std::string> got =
      parsed ? parsed->render(context, golden_options()) : Result<std::string>(parsed.error());
  if (const json::value* text = want.if_contains("text")) {
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(*got, std::string(text->as_string()));
    return;
  }
  ASSERT_FALSE(got.ok()) << "jinja2 fails here, we wrote: " << *got;
  if (const json::value* raised = want.if_contains("raised")) {
    EXPECT_EQ(got.error().code, Code::invalid_argument);
    EXPECT_EQ(got.error().message, raised->as_string());
  } else {
    EXPECT_EQ(got.error().message.find("chat template, line "), 0u) << got.error().message;
  }
}

}  // namespace serval::jinja
