// docs/configuration.md and the table of keys say the same.
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

std::string row_of(const KeyDescription& key) {
  const auto code = [](const std::string& text) { return text.empty() ? "" : "`" + text + "`"; };
  return "| `" + key.key + "` | " + key.type + " | " + code(key.initial) + " | " + key.range + " |";
}

// The rows of all keys in the document, up to the column of meanings.
std::map<std::string, std::string> document_rows() {
  std::ifstream in(SERVAL_SOURCE_DIR "/docs/configuration.md");
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string key = line.substr(3, line.find('`', 3) - 3);
    std::size_t end = 0;
    for (int bars = 0; bars < 5 && end != std::string::npos; ++bars)
      end = line.find('|', bars == 0 ? 0 : end + 1);
    rows[key] = line.substr(0, end + 1);
    EXPECT_GT(line.size(), end + 4) << key << " has no meaning";
  }
  return rows;
}

TEST(ConfigurationDocument, HasEachKeyWithTypeDefaultAndRange) {
  std::map<std::string, std::string> rows = document_rows();
  for (const KeyDescription& key : describe_config()) {
    EXPECT_EQ(rows[key.key], row_of(key));
    rows.erase(key.key);
  }
  for (const auto& [key, row] : rows) ADD_FAILURE() << "there is no key " << key;
}

}  // namespace
}  // namespace serval::host
