// A template from a model file is not trusted: whatever it does ends soon and in an Error.
#include <gtest/gtest.h>
#include <string>

#include "common/jinja/template.h"

namespace serval::jinja {
namespace {

std::string repeated(std::string_view what, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += what;
  return out;
}

Error run(const std::string& source, const json::object& context = {},
          const RenderOptions& options = {}) {
  const Result<Template> parsed = Template::parse(source);
  if (!parsed) return parsed.error();
  const Result<std::string> got = parsed->render(context, options);
  return got ? error(Code::ok, "rendered " + std::to_string(got->size()) + " bytes") : got.error();
}

class Hostile : public testing::TestWithParam<const char*> {};

TEST_P(Hostile, IsStoppedByALimit) {
  RenderOptions options;  // a tenth of the defaults: the same limits, sooner
  options.max_steps /= 10;
  options.max_value_bytes /= 10;
  const Error got = run(GetParam(), {}, options);
  EXPECT_EQ(got.code, Code::resource_exhausted) << got.message;
  EXPECT_EQ(got.message.find("chat template, line 1: "), 0u) << got.message;
}

#define LOOP "{% for i in range(100000) %}"
#define LOOPS LOOP LOOP LOOP
#define ENDS "{% endfor %}{% endfor %}{% endfor %}"
INSTANTIATE_TEST_SUITE_P(
    Templates, Hostile,
    testing::Values(
        LOOPS ENDS,      // time
        LOOPS "x" ENDS,  // output
        "{% set ns = namespace(s='aaaaaaaa') %}" LOOP "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}" LOOP "{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}" LOOP "{% set ns.l = [ns.l] %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}" LOOP "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
        "{% endfor %}{{ ns.l|tojson }}",
        "{% set a = namespace(l=[]) %}{% set b = namespace(l=[]) %}{% for i in range(60) %}"
        "{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
        "{% set ns = namespace(d={}) %}" LOOP "{% set ns.d = {'a': ns.d} %}{% endfor %}",
        "{% set ns = namespace(g=[1]) %}" LOOP "{% set ns.g = [ns.g]|map('list') %}{% endfor %}",
        "{% set ns = namespace(s='x'.upper) %}" LOOP "{% set ns.s = [ns.s].index %}{% endfor %}",
        "{{ 'x' * 1000000000000 }}", "{{ [1] * 1000000000000 }}", "{{ 'x'|center(10000000000) }}",
        "{{ 'a'.ljust(99999999999) }}", "{{ '%999999999s' % 'x' }}",
        "{{ '{:999999999}'.format(1) }}", "{{ 'a'|indent(100000000000, true) }}",
        "{{ [1]|tojson(indent=100000000000) }}", "{{ range(100001) }}",
        "{{ range(-9223372036854775807, 9223372036854775807) }}",
        "{{ [1]|batch(1000000000000, 0)|list }}", "{{ range(3)|slice(1000000000000)|list }}",
        "{{ ('x' * 1000000).replace('', 'y' * 1000) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}"
        "{% endcall %}{% endmacro %}{{ n() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}",
        "{% set s = 'a' * 8000000 %}" LOOPS "{{ s == s ~ 'b' }}" ENDS,
        "{% set s = 'a' * 8000000 %}" LOOP "{% if ('b' + s) in s %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 8000000 %}{% set t = 'b' ~ 'a' * 4000000 %}" LOOP
        "{{ s.rfind(t) }}{% endfor %}",
        "{% set l = range(100000)|list %}" LOOP "{{ l|sort|first }}{% endfor %}",
        "{% set l = range(100000)|list %}" LOOP "{{ 'x' in l }}{% endfor %}",
        "{{ range(100000)|unique|list }}",
        "{% set ns = namespace(d={}) %}" LOOP "{% set ns.d = dict(ns.d, **{'k' ~ i: i}) %}"
        "{% endfor %}",
        "{% for a in range(100000) %}{% macro m() %}{% endmacro %}{% for b in range(1000) %}"
        "{% macro n() %}{% endmacro %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% set ns = namespace() %}"
        "{% endfor %}{% endfor %}"));
#undef LOOP
#undef LOOPS
#undef ENDS

TEST(Limits, OptionsAreObeyed) {
  RenderOptions options;
  options.max_output_bytes = 10;
  EXPECT_EQ(run("0123456789", {}, options).code, Code::ok);
  EXPECT_EQ(run("0123456789a", {}, options).code, Code::resource_exhausted);
  options = {};
  options.max_range = 5;
  EXPECT_EQ(run("{{ range(5) }}", {}, options).code, Code::ok);
  EXPECT_EQ(run("{{ range(6) }}", {}, options).code, Code::resource_exhausted);
  options = {};
  options.max_steps = 100;
  EXPECT_EQ(run("{% for x in range(5) %}{{ x }}{% endfor %}", {}, options).code, Code::ok);
  EXPECT_EQ(run("{% for x in range(99) %}{{ x }}{% endfor %}", {}, options).code,
            Code::resource_exhausted);
  options = {};
  options.max_depth = 3;
  const std::string nested =
      "{% macro m(n) %}{% if n > 1 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(count) }}";
  EXPECT_EQ(run(nested, {{"count", 3}}, options).code, Code::ok);
  EXPECT_EQ(run(nested, {{"count", 4}}, options).code, Code::resource_exhausted);
  options = {};
  options.max_value_bytes = 300'000;
  EXPECT_EQ(run("{% for x in range(500) %}{% set y = 'abc' ~ x %}{% endfor %}", {}, options).code,
            Code::ok);
  EXPECT_EQ(run("{% for x in range(9999) %}{% set y = 'abc' ~ x %}{% endfor %}", {}, options).code,
            Code::resource_exhausted);
}

TEST(Limits, DeepTemplatesAreRefused) {
  const int n = 20'000;
  for (const auto& [open, close] : {std::pair("(", ")"),
                                    {"[", "]"},
                                    {"not ", ""},
                                    {"-", ""},
                                    {"{1:", "}"},
                                    {"x[", "]"},
                                    {"x(", ")"},
                                    {"x|d(", ")"},
                                    {"x is eq(", ")"},
                                    {"1 if ", ""},
                                    {"1 if 1 else ", ""},
                                    {"1 ** -", ""}}) {
    const Result<Template> parsed =
        Template::parse("{{ " + repeated(open, n) + "1" + repeated(close, n) + " }}");
    ASSERT_FALSE(parsed.ok()) << open;
    EXPECT_EQ(parsed.error().code, Code::invalid_argument) << open;
  }
  for (const char* part :
       {" + 1", " ** 1", ".a", "[1]", "()", "|e", " is defined", " or 1", " if 1"})
    EXPECT_FALSE(Template::parse("{{ 1" + repeated(part, n) + " }}").ok()) << part;
  for (const char* tag : {"{% if 1 %}", "{% for x in y %}", "{% macro m() %}", "{% set x %}",
                          "{% filter e %}", "{% call m() %}", "{% with %}", "{% generation %}"})
    EXPECT_FALSE(Template::parse(repeated(tag, n)).ok()) << tag;
  EXPECT_FALSE(Template::parse("{% set " + repeated("(", n) + "x" + repeated(")", n) + " = 1 %}"));
  EXPECT_TRUE(Template::parse("{{ " + repeated("(", 80) + "1" + repeated(")", 80) + " }}").ok());
  EXPECT_TRUE(Template::parse("{{ 1" + repeated(" ~ 1", 5000) + " }}").ok());
}

TEST(Limits, LargeTemplatesAreRefused) {
  EXPECT_FALSE(Template::parse(std::string((std::size_t{4} << 20) + 1, 'x')).ok());
}

TEST(Limits, DeepContextsAreRefused) {
  json::value deep = json::array{};
  for (int i = 0; i < 200; ++i) deep = json::array{std::move(deep)};
  EXPECT_EQ(run("{{ x }}", {{"x", deep}}).code, Code::invalid_argument);
  json::value fine = json::array{};
  for (int i = 0; i < 100; ++i) fine = json::array{std::move(fine)};
  EXPECT_EQ(run("{{ x }}{{ x|tojson(indent=1) }}{{ x == x }}", {{"x", fine}}).code, Code::ok);
}

TEST(Limits, NumbersAtTheEdge) {
  for (const char* source :
       {"{{ 2 ** 1000000000000 }}", "{{ 1 if 10 ** 38 * 10 }}",
        "{{ -170141183460469231731687303715884105727 - 2 }}",
        "{{ (-170141183460469231731687303715884105727 - 1)|abs }}",
        "{{ (-170141183460469231731687303715884105727 - 1) // -1 }}", "{{ 1e300|int }}",
        "{{ (1e308 * 10)|int }}", "{{ [1, 2][99999999999999999999999] + 1 }}", "{{ 1e300 ** 2 }}",
        "{{ 99999999999999999999999999999999999999999 }}",
        "{{ 1.5|round(99999999999999999999) }}"}) {
    const Error got = run(source);
    EXPECT_TRUE(got.code == Code::invalid_argument) << source << ": " << got.message;
  }
  EXPECT_EQ(run("{{ 'abc'[::99999999999999999999] }}{{ 'abc'[-99999999999999999999:] }}"
                "{{ (-170141183460469231731687303715884105727 - 1) % -1 }}{{ 2.5|round(400) }}"
                "{{ 2.5|round(-400) }}{{ 3|round(-50) }}{{ 1e308 * 10 }}{{ (1e308 * 10)|tojson }}")
                .code,
            Code::ok);
}

}  // namespace
}  // namespace serval::jinja
