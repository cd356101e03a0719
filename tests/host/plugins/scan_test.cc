#include "host/plugins/scan.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_image.h"
#include "host/plugins/library.h"

namespace serval::host {
namespace {

namespace fs = std::filesystem;

class ScanTest : public testing::Test {
 protected:
  ScanTest() {
    std::string name = (fs::temp_directory_path() / "serval-scan-XXXXXX").string();
    folder = mkdtemp(name.data());
    dir = folder / "plugins";
    fs::create_directory(dir);
    chmod(dir.c_str(), 0755);
  }
  ~ScanTest() override { fs::remove_all(folder); }

  fs::path put(const std::string& name, const ElfImage& image = {}) {
    const auto bytes = image.bytes();
    return put(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  fs::path put(const std::string& name, const std::string& bytes) {
    const fs::path path = dir / name;
    std::ofstream(path, std::ios::binary) << bytes;
    chmod(path.c_str(), 0644);
    return path;
  }

  // The refusal of the only file there is.
  std::string refusal() {
    const auto infos = scan_plugins(dir, options);
    if (!infos) return infos.error().message;
    return infos->size() == 1 ? (*infos)[0].refusal : std::to_string(infos->size()) + " files";
  }
  bool refused(const std::string& part) {
    const std::string why = refusal();
    return why.find(part) != std::string::npos;
  }

  fs::path folder, dir;
  ScanOptions options;
};

TEST_F(ScanTest, AcceptsAndDescribes) {
  put("good.so");
  put("README.txt", std::string("no plugin"));
  put(".half-written.so", std::string("\177ELF"));
  const auto infos = scan_plugins(dir, options);
  ASSERT_TRUE(infos.ok()) << infos.error().message;
  ASSERT_EQ(infos->size(), 1u);
  EXPECT_EQ((*infos)[0].refusal, "");
  EXPECT_EQ((*infos)[0].id, "org.test.made");
  EXPECT_EQ((*infos)[0].sha256.size(), 64u);
}

TEST_F(ScanTest, RefusesByContent) {
  put("bad.so", std::string("hello"));
  EXPECT_TRUE(refused("not an ELF file"));
  ElfImage image;
  image.body.abi_major = 9;
  put("bad.so", image);
  EXPECT_TRUE(refused("needs plugin ABI 9"));
  image = {};
  std::strcpy(image.body.cpu, "avx2");
  options.cpu_has = [](std::string_view) { return false; };
  put("bad.so", image);
  EXPECT_TRUE(refused("avx2"));
}

TEST_F(ScanTest, RefusesTheSecondOfOneId) {
  put("a.so");
  put("b.so");
  const auto infos = scan_plugins(dir, options);
  ASSERT_EQ(infos->size(), 2u);
  EXPECT_TRUE((*infos)[0].accepted());
  EXPECT_NE((*infos)[1].refusal.find("taken by a.so"), std::string::npos);
}

TEST_F(ScanTest, RefusesWhatOthersMayWrite) {
  chmod(put("a.so").c_str(), 0664);
  EXPECT_TRUE(refused("chmod go-w"));
  options.check_owner = false;
  EXPECT_EQ(refusal(), "");
  options.check_owner = true;
  chmod((dir / "a.so").c_str(), 0644);
  EXPECT_EQ(refusal(), "");
  if (geteuid() == 0) {
    ASSERT_EQ(chown((dir / "a.so").c_str(), 12345, 12345), 0);
    EXPECT_TRUE(refused("owned by user 12345"));
  }
  chmod(dir.c_str(), 0777);
  const auto infos = scan_plugins(dir, options);
  ASSERT_FALSE(infos.ok());
  EXPECT_EQ(infos.error().code, Code::permission_denied);
}

TEST_F(ScanTest, RefusesLinksThatLeaveAndThingsThatAreNoFiles) {
  std::ofstream(folder / "outside.so") << "x";
  fs::create_symlink(folder / "outside.so", dir / "a.so");
  EXPECT_TRUE(refused("outside of the plugin directory"));
  fs::remove(dir / "a.so");
  fs::create_symlink(dir / "gone", dir / "a.so");
  EXPECT_TRUE(refused("cannot be resolved"));
  fs::remove(dir / "a.so");
  ASSERT_EQ(mkfifo((dir / "a.so").c_str(), 0600), 0);
  EXPECT_TRUE(refused("not a regular file"));
  fs::remove(dir / "a.so");
  fs::create_directory(dir / "a.so");
  EXPECT_TRUE(refused("not a regular file"));
}

TEST_F(ScanTest, NoDirectoryIsAnError) {
  EXPECT_EQ(scan_plugins(folder / "none").error().code, Code::not_found);
}

// The small image has a note but no code: it passes the scan and dlopen says why it cannot be.
TEST_F(ScanTest, LoaderErrorsAreReported) {
  put("a.so");
  const auto infos = scan_plugins(dir, options);
  const auto library = Library::load((*infos)[0], {}, {});
  ASSERT_FALSE(library.ok());
  EXPECT_NE(library.error().message.find("cannot be loaded"), std::string::npos);
}

}  // namespace
}  // namespace serval::host
