#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/llm/kv_disk/tier.h"
#include "tests/plugins/llm/temporary_folder.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kBlockBytes = 100;
constexpr uint64_t kRecordBytes = kRecordHeadBytes + kBlockBytes;

Digest fingerprint(uint8_t number = 1) {
  Digest digest{};
  digest[0] = number;
  return digest;
}

// The number-th block of a text, and its neighbours.
struct TestBlock {
  explicit TestBlock(int number, const BlockKey& first = space_key(fingerprint(), "")) {
    before = first;
    for (int i = 0;; ++i) {
      for (int32_t& token : tokens) token = i;
      key = block_key(before, tokens);
      if (i == number) break;
      before = key;
    }
    for (uint64_t i = 0; i < kBlockBytes; ++i) content.push_back(std::byte(number * 31 + int(i)));
  }
  BlockKey key{}, before{};
  std::array<int32_t, kBlockTokens> tokens{};
  std::vector<std::byte> content;
};

class KvDisk : public testing::Test {
 protected:
  std::unique_ptr<DiskTier> open(uint64_t budget = 1 << 20, uint8_t print = 1) {
    auto tier =
        DiskTier::open({.folder = folder.path() / "kv",
                        .budget = budget,
                        .fingerprint = fingerprint(print),
                        .block_bytes = kBlockBytes,
                        .failed = [this](const std::string& why) { failures.push_back(why); }});
    EXPECT_TRUE(tier.ok()) << tier.error().message;
    if (!tier) return nullptr;
    (*tier)->settle();
    return std::move(*tier);
  }
  static void write(DiskTier& tier, int number) {
    const TestBlock b(number);
    tier.write(b.key, b.before, b.tokens, b.content, true);
    tier.settle();
  }
  // -1: not there; 0: as it was written. Anything else is a failure.
  static int read(DiskTier& tier, int number) {
    const TestBlock b(number);
    std::vector<std::byte> got(kBlockBytes);
    if (!tier.read(b.key, b.before, b.tokens, got)) return -1;
    return got == b.content ? 0 : 1;
  }
  std::vector<fs::path> segments() const {
    std::set<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder.path() / "kv"))
      if (entry.path().extension() == ".kv") found.insert(entry.path());
    return {found.begin(), found.end()};
  }

  TemporaryFolder folder;
  std::vector<std::string> failures;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(KvDisk, KeysDependOnSpaceAndEveryTokenBefore) {
  const TestBlock a(3);
  EXPECT_NE(a.key, TestBlock(4).key);
  EXPECT_NE(a.key, TestBlock(3, space_key(fingerprint(), "other")).key);
  EXPECT_NE(a.key, TestBlock(3, space_key(fingerprint(2), "")).key);
  auto tokens = a.tokens;
  tokens[31] = 9;
  EXPECT_NE(a.key, block_key(a.before, tokens));
}

TEST_F(KvDisk, ARestartFindsWhatWasWritten) {
  {
    const auto tier = open();
    for (int i = 0; i < 10; ++i) write(*tier, i);
    write(*tier, 3);  // not twice
    EXPECT_EQ(tier->counts().store.blocks, 10u);
    EXPECT_EQ(tier->counts().store.bytes, kSegmentHeaderBytes + 10 * kRecordBytes);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(read(*tier, i), 0);
    EXPECT_EQ(read(*tier, 10), -1);
  }
  const auto tier = open();
  EXPECT_EQ(tier->counts().store.blocks, 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(read(*tier, i), 0);
  EXPECT_EQ(tier->counts().hits, 10u);
  write(*tier, 10);
  EXPECT_EQ(segments().size(), 2u);  // an old file is not written again
  EXPECT_EQ(read(*tier, 10), 0);
}

TEST_F(KvDisk, ABlockIsGivenForItsOwnTokensOnly) {
  const auto tier = open();
  write(*tier, 1);
  const TestBlock right(1);
  std::vector<std::byte> got(kBlockBytes);
  // As if the key were the same: tokens and the block before are compared too.
  auto tokens = right.tokens;
  tokens[0] = 7;
  EXPECT_FALSE(tier->read(right.key, right.before, tokens, got));
  write(*tier, 1);
  EXPECT_FALSE(tier->read(right.key, right.key, right.tokens, got));
}

TEST_F(KvDisk, FilesAreTheUsersAlone) {
  const auto tier = open();
  write(*tier, 0);
  const auto mode = [](const fs::path& path) {
    struct stat info {};
    ::stat(path.c_str(), &info);
    return info.st_mode & 0777;
  };
  EXPECT_EQ(mode(folder.path() / "kv"), 0700u);
  EXPECT_EQ(mode(segments().at(0)), 0600u);
}

TEST_F(KvDisk, AFolderOfOthersOrInUseIsRefused) {
  const auto refused = [&](uint64_t budget = 1 << 20) {
    const auto tier =
        DiskTier::open({folder.path() / "kv", budget, fingerprint(), kBlockBytes, {}});
    return tier ? Code::ok : tier.error().code;
  };
  EXPECT_EQ(refused(kSegmentHeaderBytes + kRecordBytes - 1), Code::invalid_argument);
  {
    const auto tier = open();
    EXPECT_EQ(refused(), Code::unavailable);
  }
  EXPECT_EQ(refused(), Code::ok);
  fs::permissions(folder.path() / "kv", fs::perms(0750));
  EXPECT_EQ(refused(), Code::permission_denied);
  fs::remove_all(folder.path() / "kv");
  put_bytes(folder.path() / "kv", "a file");
  EXPECT_EQ(refused(), Code::failed_precondition);
}

TEST_F(KvDisk, FilesOfAnotherFingerprintAreRemoved) {
  {
    const auto tier = open();
    write(*tier, 0);
  }
  put_bytes(folder.path() / "kv" / "0000000000000005.kv", "something else");
  put_bytes(folder.path() / "kv" / "notes.txt", "not ours");
  fs::create_symlink("notes.txt", folder.path() / "kv" / "0000000000000006.kv");
  const auto tier = open(1 << 20, 2);
  EXPECT_EQ(segments().size(), 0u);
  EXPECT_EQ(tier->counts().store.damaged, 3u);
  EXPECT_EQ(bytes_of(folder.path() / "kv" / "notes.txt"), "not ours");
  EXPECT_EQ(read(*tier, 0), -1);
}

TEST_F(KvDisk, TheOldestMakeRoom) {
  const uint64_t budget = 40 * kRecordBytes;
  {
    const auto tier = open(budget);
    for (int i = 0; i < 200; ++i) {
      write(*tier, i);
      ASSERT_LE(tier->counts().store.bytes, budget);
    }
    EXPECT_EQ(read(*tier, 100), -1);
    for (int i = 170; i < 200; ++i) EXPECT_EQ(read(*tier, i), 0);
  }
  uint64_t bytes = 0;
  for (const auto& path : segments()) bytes += fs::file_size(path);
  EXPECT_LE(bytes, budget);
  // A budget that has become smaller.
  const auto tier = open(budget / 2);
  EXPECT_LE(tier->counts().store.bytes, budget / 2);
  EXPECT_EQ(read(*tier, 199), 0);
  EXPECT_EQ(read(*tier, 170), -1);
  // One block and no more.
  const auto smallest = DiskTier::open({folder.path() / "one",
                                        BlockStore::least_bytes(kBlockBytes),
                                        fingerprint(),
                                        kBlockBytes,
                                        {}});
  ASSERT_TRUE(smallest.ok());
  for (int i = 0; i < 3; ++i) write(**smallest, i);
  EXPECT_EQ(read(**smallest, 1), -1);
  EXPECT_EQ(read(**smallest, 2), 0);
}

// Each byte of a file damaged in turn, and the file cut at each length: a block comes back as it
// was written, or not at all.
TEST_F(KvDisk, DamageIsNoticed) {
  {
    const auto tier = open();
    for (int i = 0; i < 3; ++i) write(*tier, i);
  }
  const fs::path path = segments().at(0);
  const std::string whole = bytes_of(path);
  ASSERT_EQ(whole.size(), kSegmentHeaderBytes + 3 * kRecordBytes);
  const auto found = [&](const std::string& bytes) {
    fs::remove_all(folder.path() / "kv");
    fs::create_directory(folder.path() / "kv");
    fs::permissions(folder.path() / "kv", fs::perms(0700));
    put_bytes(path, bytes);
    const auto tier = open();
    std::string got;
    for (int i = 0; i < 3; ++i) {
      const int outcome = read(*tier, i);
      EXPECT_LE(outcome, 0);
      got += outcome == 0 ? '1' : '0';
    }
    return got;
  };
  EXPECT_EQ(found(whole), "111");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = char(bytes[at] ^ (1 << at % 8));
    // The header, else the head of a record (what follows is not looked for), else its block.
    std::string want = "000";
    if (at >= kSegmentHeaderBytes) {
      const std::size_t record = (at - kSegmentHeaderBytes) / kRecordBytes;
      const bool head = (at - kSegmentHeaderBytes) % kRecordBytes < kRecordHeadBytes;
      want = "111";
      for (std::size_t i = record; i < (head ? 3 : record + 1); ++i) want[i] = '0';
    }
    ASSERT_EQ(found(bytes), want) << "byte " << at;
  }
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    std::string want = "000";
    for (std::size_t i = 0; kSegmentHeaderBytes + (i + 1) * kRecordBytes <= length; ++i)
      want[i] = '1';
    ASSERT_EQ(found(whole.substr(0, length)), want) << length << " bytes";
  }
}

TEST_F(KvDisk, DamageWhileOpenIsNoticed) {
  const auto tier = open();
  write(*tier, 0);
  write(*tier, 1);
  std::string bytes = bytes_of(segments().at(0));
  bytes.back() = char(bytes.back() ^ 1);
  put_bytes(segments().at(0), bytes);
  EXPECT_EQ(read(*tier, 1), -1);
  EXPECT_EQ(tier->counts().store.damaged, 1u);
  EXPECT_EQ(tier->counts().store.blocks, 1u);
  write(*tier, 1);  // is written anew
  EXPECT_EQ(read(*tier, 1), 0);
  fs::resize_file(segments().at(0), 10);
  EXPECT_EQ(read(*tier, 0), -1);
}

TEST_F(KvDisk, AFullDiskStopsTheWritingOnly) {
  const auto tier = open();
  write(*tier, 0);
  // Files may not grow beyond one record and a half: writes fail in the middle of the next.
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit limit { kSegmentHeaderBytes + kRecordBytes * 3 / 2, before.rlim_max };
  ::setrlimit(RLIMIT_FSIZE, &limit);
  write(*tier, 1);
  write(*tier, 2);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(failures.size(), 1u);
  EXPECT_EQ(tier->counts().dropped, 2u);
  EXPECT_EQ(tier->counts().written, 1u);
  EXPECT_EQ(read(*tier, 0), 0);
  EXPECT_EQ(read(*tier, 1), -1);
  EXPECT_EQ(fs::file_size(segments().at(0)), kSegmentHeaderBytes + kRecordBytes);
}

TEST_F(KvDisk, WhatIsNotWaitedForIsWrittenOrCounted) {
  const auto tier = open();
  for (int i = 0; i < 500; ++i) {
    const TestBlock b(i % 50 * 10);
    tier->write(b.key, b.before, b.tokens, b.content);
    EXPECT_LE(read(*tier, (i + 40) % 50 * 10), 0);  // while others are written
  }
  tier->settle();
  const DiskCounts counts = tier->counts();
  EXPECT_LE(counts.store.blocks, 50u);
  EXPECT_GE(counts.written + counts.dropped, 50u);
  EXPECT_GT(counts.written, 0u);
}

}  // namespace
}  // namespace serval::llm
