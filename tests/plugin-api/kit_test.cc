// The kit's own parts: options, ELF reading of damaged files, schemas, reports.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "plugin-api/check/elf_file.h"
#include "plugin-api/check/options.h"
#include "plugin-api/check/report.h"
#include "plugin-api/check/requests.h"
#include "plugin-api/check/schema_check.h"

namespace serval::check {
namespace {

sdk::Result<Options> parse(std::vector<std::string> words) {
  std::vector<char*> argv;
  words.insert(words.begin(), "check");
  for (std::string& w : words) argv.push_back(w.data());
  return parse_options(int(argv.size()), argv.data());
}

TEST(KitOptions, ReadsThem) {
  const auto o = parse({"--model", "m", "p.so", "--config", "{\"a\":1}", "--timeout", "5",
                        "--request", "a", "--request", "b", "--only-failed", "--in-process"});
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->plugin, "p.so");
  EXPECT_EQ(o->model, "m");
  EXPECT_EQ(o->timeout_s, 5u);
  EXPECT_EQ(o->request_files.size(), 2u);
  EXPECT_TRUE(o->only_failed && o->in_process);
}

TEST(KitOptions, RefusesWrongOnes) {
  EXPECT_FALSE(parse({}));
  EXPECT_FALSE(parse({"a", "b"}));
  EXPECT_FALSE(parse({"a", "--what"}));
  EXPECT_FALSE(parse({"a", "--model"}));
  EXPECT_FALSE(parse({"a", "--timeout", "0"}));
  EXPECT_FALSE(parse({"a", "--timeout", "9x"}));
  EXPECT_FALSE(parse({"a", "--config", "[]"}));
  EXPECT_FALSE(parse({"a", "--config", "{"}));
}

std::string self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

// A file of this process's own, as long as it is wanted: tests run side by side.
class File {
 public:
  explicit File(const std::string& bytes) {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    close(fd);
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "kit-XXXXXX";
};

// The request of a file, or why there is none.
sdk::Result<Spec> read(const std::string& json) {
  const File file(json);
  const auto requests = Requests::make({file.path()});
  if (!requests) return requests.error();
  return requests->make("op", Size::text);
}

TEST(KitRequests, SayHowTheirInputComes) {
  EXPECT_EQ(read(R"({"op":"op"})")->arrival, Arrival::whole);
  EXPECT_EQ(read(R"({"op":"op","inputs":["a"],"uploaded":false})")->arrival, Arrival::whole);
  EXPECT_EQ(read(R"({"op":"op","inputs":["a"],"streamed":true})")->arrival, Arrival::streamed);
  EXPECT_EQ(read(R"({"op":"op","inputs":["a"],"uploaded":true})")->arrival, Arrival::uploaded);
}

TEST(KitRequests, AreRefusedWhenThatMakesNoSense) {
  const auto refused = [](const char* json, const char* why) {
    const auto spec = read(json);
    return !spec && spec.error().message.find(why) != std::string::npos;
  };
  EXPECT_TRUE(refused(R"({"op":"op","inputs":["a"],"uploaded":1})", "\"uploaded\" is not"));
  EXPECT_TRUE(refused(R"({"op":"op","uploaded":true})", "no input"));
  EXPECT_TRUE(refused(R"({"op":"op","inputs":["a"],"streamed":true,"uploaded":true})",
                      "both \"streamed\" and \"uploaded\""));
}

TEST(KitElf, RefusesWhatIsNoSharedObject) {
  EXPECT_FALSE(read_elf("/nonexistent"));
  EXPECT_FALSE(read_elf("/proc"));
  EXPECT_FALSE(read_elf(File("").path()));
  EXPECT_FALSE(read_elf(File(std::string(1000, 'x')).path()));
}

// Every place a length or offset stands in the head of a real file is set to a large value.
TEST(KitElf, SurvivesDamage) {
  std::ifstream file(self(), std::ios::binary);
  std::string bytes(1024, '\0');
  file.read(bytes.data(), std::streamsize(bytes.size()));
  for (std::size_t at = 16; at + 8 <= bytes.size(); at += 8) {
    std::string damaged = bytes;
    damaged.replace(at, 8, std::string("\xf0\xff\xff\xff\xff\xff\xff\xff", 8));
    const auto elf = read_elf(File(damaged).path());
    EXPECT_TRUE(!elf || elf->notes.empty());  // a test program carries no plugin's note
  }
}

TEST(KitSchema, NamesKeywordsNobodyEnforces) {
  const auto problems = [](const char* text) { return schema_problems(*sdk::Json::parse(text)); };
  EXPECT_TRUE(problems(R"({"type":"object","properties":{"a":{"type":"integer","minimum":1}},)"
                       R"("required":["a"],"additionalProperties":false})")
                  .empty());
  EXPECT_FALSE(problems(R"({"type":"object","oneOf":[]})").empty());
  EXPECT_FALSE(problems(R"({"type":"object","properties":{"a":{"pattern":"x"}}})").empty());
  EXPECT_FALSE(problems(R"({"type":"thing"})").empty());
  EXPECT_FALSE(problems(R"({"type":"string"})").empty());
  EXPECT_FALSE(problems(R"({"type":"object","properties":[]})").empty());
}

TEST(KitReport, IsWellFormedWhateverThePluginSays) {
  const std::vector<Outcome> all = {{"a.b", "does <this> & \"that\"", Verdict::passed, "", 1},
                                    {"a.c", "x", Verdict::crashed, "say \"\xff\x01<\"\nmore", 2},
                                    {"a.d", "x", Verdict::skipped, "why", 0}};
  const auto json = sdk::Json::parse(json_report("p\".so", all));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(*json->find("failed")->integer(), 1);
  EXPECT_EQ(json->find("cases")->items()[1].find("verdict")->text(), "crashed");
  const std::string xml = junit_report("p<.so", all);
  EXPECT_NE(xml.find("failures=\"1\" skipped=\"1\""), std::string::npos);
  EXPECT_NE(xml.find("say &quot;?&lt;&quot;"), std::string::npos);
  EXPECT_EQ(text_summary(all), "1 passed, 1 failed, 1 skipped\n");
}

}  // namespace
}  // namespace serval::check
