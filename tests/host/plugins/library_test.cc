#include "host/plugins/library.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "host/plugins/plugin_file.h"

namespace serval::host {
namespace {

namespace fs = std::filesystem;

class LibraryTest : public testing::Test {
 protected:
  LibraryTest() {
    std::string name = (fs::temp_directory_path() / "serval-library-XXXXXX").string();
    folder = mkdtemp(name.data());
    info.path = folder / "echo.so";
    fs::copy_file(SERVAL_ECHO_PLUGIN, info.path);
    const auto bytes = read_plugin_file(info.path);
    describe_plugin(
        *bytes, [](std::string_view) { return true; }, info);
  }
  ~LibraryTest() override { fs::remove_all(folder); }

  static bool mapped(const std::string& part) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

  fs::path folder;
  PluginInfo info;
  std::vector<std::string> lines;
  LogSink log = [this](uint32_t, std::string_view message, std::span<const LogField>) {
    lines.emplace_back(message);
  };
};

TEST_F(LibraryTest, LoadsAPrivateCopyAndLetsGo) {
  ASSERT_EQ(info.refusal, "");
  auto library = Library::load(info, {}, log);
  ASSERT_TRUE(library.ok()) << library.error().message;
  EXPECT_STREQ((*library)->entry().descriptor->id, "org.serval.examples.echo");
  EXPECT_TRUE(mapped("memfd:serval-plugin"));
  EXPECT_FALSE(mapped(info.path.string()));
  *library = nullptr;
  // Whatever is left is said, and nothing else is.
  EXPECT_EQ(mapped("memfd:serval-plugin"), !lines.empty());
}

TEST_F(LibraryTest, CopiesIntoAFolderOfItsOwn) {
  const fs::path run = folder / "run";
  fs::create_directory(run);
  chmod(run.c_str(), 0755);
  EXPECT_EQ(Library::load(info, run, log).error().code, Code::permission_denied);
  chmod(run.c_str(), 0700);
  auto library = Library::load(info, run, log);
  ASSERT_TRUE(library.ok()) << library.error().message;
  EXPECT_TRUE(mapped(run.string()));
  EXPECT_FALSE(fs::is_empty(run));
  *library = nullptr;
  EXPECT_TRUE(fs::is_empty(run));
}

TEST_F(LibraryTest, FileThatChangedSinceTheScanIsNotLoaded) {
  std::ofstream(info.path, std::ios::app | std::ios::binary) << "more";
  const auto library = Library::load(info, {}, log);
  ASSERT_FALSE(library.ok());
  EXPECT_NE(library.error().message.find("has changed"), std::string::npos);
}

TEST_F(LibraryTest, NoteAndEntryMustAgree) {
  info.version = "9.9.9";
  const auto library = Library::load(info, {}, log);
  ASSERT_FALSE(library.ok());
  EXPECT_NE(library.error().message.find("differ"), std::string::npos);
}

TEST(CheckEntry, RefusesWhatCannotBeRead) {
  static constexpr const char* kOps[] = {"x"};
  static constexpr serval_descriptor kWho = {sizeof kWho, 1, "a.b", "1", "v", "l", kOps, "d"};
  const auto create = [](const serval_host*, serval_error*) -> const serval_plugin* {
    return nullptr;
  };
  const serval_entry good = {SERVAL_MAGIC, SERVAL_ABI_MAJOR, 0, sizeof(serval_entry), 0, 0, &kWho,
                             create};
  EXPECT_TRUE(check_entry(good).ok());
  serval_entry bad = good;
  bad.magic = 0;
  EXPECT_FALSE(check_entry(bad).ok());
  bad = good;
  bad.size = 8;
  EXPECT_FALSE(check_entry(bad).ok());
  bad = good;
  bad.create = nullptr;
  EXPECT_FALSE(check_entry(bad).ok());
  serval_descriptor who = kWho;
  who.n_ops = 0;
  bad = good;
  bad.descriptor = &who;
  EXPECT_FALSE(check_entry(bad).ok());
}

}  // namespace
}  // namespace serval::host
