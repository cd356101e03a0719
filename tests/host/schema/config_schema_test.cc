#include "host/schema/config_schema.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

std::string check(const char* schema_text, const char* value) {
  const auto schema = ConfigSchema::parse(schema_text);
  if (!schema) return "schema refused: " + schema.error().message;
  const auto parsed = parse_json(value);
  return join_errors(schema->check(*parsed));
}

constexpr const char* kSchema = R"({
  "type": "object", "additionalProperties": false, "required": ["path"],
  "properties": {
    "path": {"type": "string", "minLength": 1, "maxLength": 3, "description": "where"},
    "slots": {"type": "integer", "minimum": 1, "maximum": 8, "default": 4},
    "scale": {"type": ["number", "null"]},
    "mode": {"enum": ["fast", "exact", 3]},
    "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "boolean"}},
    "free": {"type": "object", "additionalProperties": {"type": "integer"}}}})";

TEST(ConfigSchema, RightValuesHaveNoErrors) {
  EXPECT_EQ(check(kSchema, R"({"path":"a"})"), "");
  EXPECT_EQ(check(kSchema, R"({"path":"äöü","slots":8,"scale":null,"mode":3,"list":[true],
                              "free":{"x":1}})"),
            "");
  EXPECT_EQ(check(kSchema, R"({"path":"a","slots":2.0,"scale":0.5})"), "");
}

TEST(ConfigSchema, AllErrorsComeAtOnceWithPointers) {
  EXPECT_EQ(check(kSchema, R"({"slots":9,"scale":"x","mode":"slow","list":[1,true,true],
                              "free":{"a/b~c":"1"},"colour":1})"),
            "/slots: is 9, want at most 8\n"
            "/scale: is a string, want number or null\n"
            "/mode: is \"slow\", want \"fast\" or \"exact\" or 3\n"
            "/list: has 3 items, want at most 2\n"
            "/list/0: is an integer, want boolean\n"
            "/free/a~1b~0c: is a string, want integer\n"
            "/colour: unknown key (known are free, list, mode, path, scale, slots)\n"
            "/path: is missing");
}

TEST(ConfigSchema, UnknownKeysComeWithWhatMayBeMeant) {
  EXPECT_EQ(check(kSchema, R"({"path":"a","slotz":1})"),
            "/slotz: unknown key; did you mean slots? (known are free, list, mode, path, scale, "
            "slots)");
}

TEST(ConfigSchema, LengthsCountCharacters) {
  EXPECT_EQ(check(kSchema, R"({"path":""})"), "/path: has 0 characters, want at least 1");
  EXPECT_EQ(check(kSchema, R"({"path":"äöüß"})"), "/path: has 4 characters, want at most 3");
}

TEST(ConfigSchema, WrongTypeAtTheTop) {
  EXPECT_EQ(check(kSchema, "[]"), "(all): is an array, want object");
}

TEST(ConfigSchema, FractionIsNoInteger) {
  EXPECT_EQ(check(kSchema, R"({"path":"a","slots":1.5})"), "/slots: is a number, want integer");
}

TEST(ConfigSchema, SchemasWithMoreThanThePartAreRefused) {
  for (const char* bad :
       {R"({"pattern":"x"})", R"({"properties":{"a":{"oneOf":[]}}})", R"({"type":"text"})",
        R"({"minimum":"1"})", R"({"minLength":-1})", R"({"required":"a"})", R"({"items":[]})",
        R"({"enum":[]})", R"({"properties":[]})", R"([])", R"(true)", R"({)",
        R"({"additionalProperties":1})", R"({"description":1})", R"({"$ref":"#"})"}) {
    EXPECT_FALSE(ConfigSchema::parse(bad).ok()) << bad;
  }
  EXPECT_NE(ConfigSchema::parse(R"({"properties":{"a":{"oneOf":[]}}})")
                .error()
                .message.find("/properties/a/oneOf"),
            std::string::npos);
}

}  // namespace
}  // namespace serval::host
