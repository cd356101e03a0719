// What callers see: errors with their line, the order of members, sharing between threads.
#include "common/jinja/template.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace serval::jinja {
namespace {

Result<std::string> render(std::string_view source, const json::object& context = {}) {
  const Result<Template> parsed = Template::parse(source);
  if (!parsed) return parsed.error();
  return parsed->render(context);
}

std::string message(std::string_view source, const json::object& context = {}) {
  const Result<std::string> got = render(source, context);
  return got ? "no error: " + *got : got.error().message;
}

TEST(Template, ErrorsNameTheLine) {
  EXPECT_EQ(message("a\nb\n{{ x.y }}"), "chat template, line 3: 'x' is undefined");
  EXPECT_EQ(message("a\n\n{% if %}"), "chat template, line 3: expected an expression");
  EXPECT_EQ(message("{{ 1 }}\n{{ 'a' + 1 }}"),
            "chat template, line 2: can only concatenate str (not \"int\") to str");
  EXPECT_EQ(message("{%- for m in l %}\n  {{ m.a }}\n  {{- m.a.b }}\n{% endfor %}",
                    {{"l", json::array{json::object{{"c", 1}}}}}),
            "chat template, line 3: 'dict object' has no attribute 'a'");
  EXPECT_EQ(message("\n{{ x|frobnicate }}"), "chat template, line 2: no filter named 'frobnicate'");
  EXPECT_EQ(message("\n{{ x is frobnicated }}"),
            "chat template, line 2: no test named 'frobnicated'");
  EXPECT_EQ(message("{% for x in y %}\n"),
            "chat template, line 1: the template ends, but {% endfor or else %} is missing");
  EXPECT_EQ(message("{{ l.append(1) }}", {{"l", json::array{}}}),
            "chat template, line 1: access to attribute 'append' of 'list object' is unsafe: a "
            "template must not change values");
}

TEST(Template, RaiseExceptionSaysExactlyWhatTheTemplateSays) {
  const Result<std::string> got =
      render("\n{{ raise_exception('Roles must alternate: ' ~ n) }}", {{"n", 2}});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, Code::invalid_argument);
  EXPECT_EQ(got.error().message, "Roles must alternate: 2");
}

TEST(Template, UnknownFiltersAreFoundWhenParsing) {
  EXPECT_FALSE(Template::parse("{% for x in y %}{{ x|nope }}{% endfor %}").ok());
  EXPECT_TRUE(Template::parse("{% if 'nope' is filter %}{{ x|nope }}{% endif %}").ok());
}

TEST(Template, KeepsTheOrderOfMembers) {
  const json::object context{{"d", {{"z", 1}, {"a", 2}, {"m", {{"y", 1}, {"b", 2}}}}}};
  const Result<std::string> got = render("{{ d|tojson }}", context);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, R"({"z": 1, "a": 2, "m": {"y": 1, "b": 2}})");
}

TEST(Template, VariablesOfTheContextHideGlobals) {
  EXPECT_EQ(*render("{{ range }}", {{"range", 5}}), "5");
}

TEST(Template, IntegersBeyond64BitsAreKeptOrRefused) {
  const json::object context{{"n", uint64_t{18446744073709551615u}}};
  EXPECT_EQ(*render("{{ n }} {{ n + 1 }} {{ n|tojson }}", context),
            "18446744073709551615 18446744073709551616 18446744073709551615");
  EXPECT_NE(message("{{ 10 ** 30 * 10 ** 30 }}").find("too many digits"), std::string::npos);
}

TEST(Template, BytesThatAreNotUtf8AreNoTrouble) {
  const Result<std::string> got = render("\xff{{ '\xc3'|length }}{{ '\xe2\x82'|upper }}\xc0");
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got,
            "\xff"
            "1\xe2\x82\xc0");
}

TEST(Template, ManyThreadsShareOne) {
  const Result<Template> shared = Template::parse(
      "{% macro m(x) %}<{{ x|upper }}>{% endmacro %}{% set ns = namespace(n=0) %}"
      "{% for w in words %}{{ m(w) }}{% set ns.n = ns.n + loop.index %}{% endfor %}{{ ns.n }}"
      "{{ 'const'|replace('c', id) }}");
  ASSERT_TRUE(shared.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&shared, t] {
      const json::object context{{"words", {"a", "b", "c"}}, {"id", t}};
      for (int i = 0; i < 50; ++i) {
        const Result<std::string> got = shared->render(context);
        ASSERT_TRUE(got.ok());
        EXPECT_EQ(*got, "<A><B><C>6" + std::to_string(t) + "onst");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace serval::jinja
