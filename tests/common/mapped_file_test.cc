#include "common/mapped_file.h"

#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace serval {
namespace {

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const auto path =
      std::filesystem::temp_directory_path() / ("serval_mapped_file_" + std::to_string(getpid()));
  std::ofstream(path) << "hello";
  auto file = MappedFile::open(path);
  ASSERT_TRUE(file.ok());
  MappedFile moved = std::move(*file);
  ASSERT_EQ(moved.bytes().size(), 5u);
  EXPECT_EQ(char(moved.bytes()[1]), 'e');
  std::filesystem::remove(path);
}

TEST(MappedFile, NamesTheMissingFile) {
  const auto file = MappedFile::open("/no/such/file");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, Code::not_found);
  EXPECT_NE(file.error().message.find("/no/such/file"), std::string::npos);
}

TEST(MappedFile, RefusesADirectory) { EXPECT_FALSE(MappedFile::open("/tmp").ok()); }

}  // namespace
}  // namespace serval
