// Real chat templates, equal byte for byte to jinja2 as transformers configures it.
#include <algorithm>
#include <cctype>

#include "golden.h"

namespace serval::jinja {
namespace {

const json::object& golden() {
  static const json::value value = [] {
    const char* other = std::getenv("SERVAL_TEMPLATE_GOLDEN");
    return read_golden(other ? std::filesystem::path(other) : template_dir() / "chat.json");
  }();
  return value.as_object();
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const json::value& entry : golden().at("templates").as_array())
    names.emplace_back(entry.at("template").as_string());
  return names;
}

class ChatTemplate : public testing::TestWithParam<std::string> {};

TEST_P(ChatTemplate, EveryConversationEqualsJinja2) {
  const std::string source = read_text(template_dir() / GetParam());
  ASSERT_FALSE(source.empty());
  const json::array& entries = golden().at("templates").as_array();
  const auto entry = std::find_if(entries.begin(), entries.end(), [](const json::value& e) {
    return e.at("template").as_string() == GetParam();
  });
  ASSERT_NE(entry, entries.end());
  const json::array& rendered = entry->at("rendered").as_array();
  const json::array& conversations = golden().at("conversations").as_array();
  ASSERT_EQ(rendered.size(), conversations.size());
  ASSERT_GE(rendered.size(), 10u);
  for (std::size_t i = 0; i < rendered.size(); ++i) {
    SCOPED_TRACE(std::string(conversations[i].at("name").as_string()));
    expect_golden(source, conversations[i].at("context").as_object(), rendered[i].as_object());
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, ChatTemplate, testing::ValuesIn(template_names()),
                         [](const auto& info) {
                           std::string name = info.param.substr(0, info.param.rfind('.'));
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

TEST(ChatTemplates, ThereAreEnough) { EXPECT_GE(template_names().size(), 24u); }

}  // namespace
}  // namespace serval::jinja
