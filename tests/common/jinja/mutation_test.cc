// Damaged templates: parsing and rendering them must end in a text or an Error, never in a crash.
// The sanitizer builds are where this test earns its keep; tests/fuzz goes on from here.
#include <random>
#include <vector>

#include "golden.h"

namespace serval::jinja {
namespace {

RenderOptions small_limits() {
  RenderOptions options = golden_options();
  options.max_steps = 20'000;
  options.max_output_bytes = 100'000;
  options.max_value_bytes = 1'000'000;
  options.max_range = 1000;
  return options;
}

// One of: drop a piece, double a piece, change a byte, put in a token.
std::string damaged(std::string text, std::mt19937& random) {
  static constexpr const char* kTokens[] = {
      "{{",          "}}",     "{%",     "%}",          "{#",   "#}",   "-",
      "(",           ")",      "[",      "]",           "{",    "}",    "|",
      ".",           "~",      "'",      "\"",          "\\",   " is ", " in ",
      " not ",       " if ",   " else ", "{% endif %}", "none", "loop", "|tojson",
      "99999999999", "[::-1]", "\xff",   "**",          "self", "*"};
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  const int changes = 1 + static_cast<int>(below(4));
  for (int i = 0; i < changes; ++i) {
    const std::size_t at = below(text.size()), length = below(30);
    switch (below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      default:
        text.insert(at, kTokens[below(std::size(kTokens))]);
    }
  }
  return text;
}

void survive(const std::string& source, const json::object& context) {
  const Result<Template> parsed = Template::parse(source);
  if (!parsed) {
    EXPECT_FALSE(parsed.error().message.empty());
    EXPECT_NE(parsed.error().code, Code::internal) << parsed.error().message << "\n" << source;
    return;
  }
  const Result<std::string> got = parsed->render(context, small_limits());
  if (!got) {
    EXPECT_NE(got.error().code, Code::internal) << got.error().message << "\n" << source;
    return;
  }
  EXPECT_LE(got->size(), small_limits().max_output_bytes);
}

TEST(Mutation, DamagedChatTemplates) {
  const json::value golden = read_golden(template_dir() / "chat.json");
  const json::array& conversations = golden.at("conversations").as_array();
  std::mt19937 random(20250309);
  for (const json::value& entry : golden.at("templates").as_array()) {
    const std::string source =
        read_text(template_dir() / std::string(entry.at("template").as_string()));
    for (int i = 0; i < 40; ++i)
      survive(damaged(source, random),
              conversations[random() % conversations.size()].at("context").as_object());
  }
}

TEST(Mutation, DamagedSnippets) {
  const json::value golden = read_golden(template_dir() / "snippets.json");
  const json::object& context = golden.at("context").as_object();
  std::mt19937 random(14057);
  for (const json::value& snippet : golden.at("snippets").as_array())
    for (int i = 0; i < 30; ++i)
      survive(damaged(std::string(snippet.at("source").as_string()), random), context);
}

TEST(Mutation, CutAnywhere) {
  const json::value golden = read_golden(template_dir() / "snippets.json");
  const json::object& context = golden.at("context").as_object();
  for (const json::value& snippet : golden.at("snippets").as_array()) {
    const std::string source(snippet.at("source").as_string());
    for (std::size_t n = 0; n < source.size(); n += 3) survive(source.substr(0, n), context);
  }
}

}  // namespace
}  // namespace serval::jinja
