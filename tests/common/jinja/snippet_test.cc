// One feature a snippet, against jinja2's answers.
#include "golden.h"

namespace serval::jinja {
namespace {

TEST(Snippets, AllEqualJinja2) {
  const json::value golden =
      read_golden(std::filesystem::path(SERVAL_GOLDEN_DIR) / "templates" / "snippets.json");
  const json::object& context = golden.at("context").as_object();
  const json::array& snippets = golden.at("snippets").as_array();
  EXPECT_GE(snippets.size(), 300u);
  for (const json::value& snippet : snippets) {
    const std::string source(snippet.at("source").as_string());
    SCOPED_TRACE(source);
    expect_golden(source, context, snippet.as_object());
  }
}

}  // namespace
}  // namespace serval::jinja
