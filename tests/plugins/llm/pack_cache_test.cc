// Packed weights on disk: found again, never believed when damaged or somebody else's.
#include "plugins/llm/pack_cache.h"

#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <random>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

class PackCacheTest : public testing::Test {
 protected:
  PackCacheTest()
      : folder_(fs::temp_directory_path() /
                ("serval_packs_" + std::to_string(std::random_device{}()))),
        model_(golden_path("llama.gguf")) {
    fs::create_directory(folder_);
    fs::permissions(folder_, fs::perms::owner_all);
    config_.threads = 2;
    config_.pack_cache_path = packs().string();
  }
  ~PackCacheTest() override { fs::remove_all(folder_); }

  fs::path packs() const { return folder_ / "packs"; }

  std::vector<fs::path> files(const std::string& extension) const {
    std::vector<fs::path> found;
    if (!fs::exists(packs())) return found;
    for (const auto& entry : fs::directory_iterator(packs()))
      if (entry.path().extension() == extension) found.push_back(entry.path());
    return found;
  }

  // What the model answers, and what was noted while it was loaded.
  struct Loaded {
    std::string answer, notes;
    bool warned = false;
  };
  // Waits for the weights to be stored.
  Loaded load() {
    Loaded out;
    std::mutex mutex;
    auto loaded =
        LoadedModel::load(model_, config_, {}, [&](bool warning, const std::string& text) {
          const std::lock_guard lock(mutex);
          out.notes += text + "\n";
          out.warned = out.warned || warning;
        });
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    if (!loaded) return out;
    const Outcome outcome = generate(
        (*loaded)->engine(), "",
        R"({"temperature":0,"max_tokens":24,"ignore_eos":true,"logprobs":true,"prompt_tokens":[5,6,7]})");
    const auto settled = [&] {
      const std::lock_guard lock(mutex);
      return out.notes.find("kept") != std::string::npos || mapped(out);
    };
    for (int i = 0; config_.pack_cache && !settled() && i < 6000; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    loaded->reset();
    out.answer = outcome.meta;
    return out;
  }
  bool mapped(const Loaded& l) const { return l.notes.find("mapped") != std::string::npos; }

  fs::path folder_, model_;
  LlmConfig config_;
};

void overwrite(const fs::path& file, std::size_t at, char flip) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(std::streamoff(at));
  const char byte = char(f.get() ^ flip);
  f.seekp(std::streamoff(at));
  f.put(byte);
}

TEST_F(PackCacheTest, SecondLoadMapsTheSameWeights) {
  config_.pack_cache = false;
  const Loaded plain = load();
  EXPECT_EQ(plain.notes, "");
  EXPECT_TRUE(files(".pack").empty());
  config_.pack_cache = true;
  const Loaded first = load();
  ASSERT_EQ(files(".pack").size(), 1u) << first.notes;
  EXPECT_FALSE(mapped(first));
  const Loaded second = load();
  EXPECT_TRUE(mapped(second)) << second.notes;
  EXPECT_FALSE(second.warned);
  EXPECT_EQ(first.answer, plain.answer);
  EXPECT_EQ(second.answer, plain.answer);
  struct stat info {};
  ASSERT_EQ(::stat(files(".pack")[0].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(packs().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

// Biases, norms of their own, experts, matrices that are turned, and a folder of several files.
TEST_F(PackCacheTest, EveryKindOfModel) {
  for (const char* name : {"qwen2.gguf", "gemma3.gguf", "mixtral.gguf", "deepseek-v2-lite.gguf",
                           "deepseek-v3.gguf", "qwen3moe.hf", "llama3-rope.hf"}) {
    model_ = golden_path(name);
    const Loaded first = load();
    EXPECT_FALSE(mapped(first)) << name;
    const Loaded second = load();
    EXPECT_TRUE(mapped(second)) << name << ": " << second.notes;
    EXPECT_EQ(first.answer, second.answer) << name;
    EXPECT_NE(first.answer, "");
  }
}

TEST_F(PackCacheTest, DamagedFilesAreMadeAgain) {
  const std::string want = load().answer;
  const fs::path pack = files(".pack").at(0);
  const std::size_t size = fs::file_size(pack);
  const auto heals = [&](const std::string& what) {
    const Loaded again = load();
    EXPECT_TRUE(again.warned) << what;
    EXPECT_EQ(again.answer, want) << what;
    EXPECT_TRUE(mapped(load())) << what;
    EXPECT_EQ(fs::file_size(pack), size);
  };
  for (const std::size_t at : {std::size_t(0), std::size_t(20), std::size_t(50), std::size_t(60),
                               std::size_t(66), std::size_t(4096), size / 2, size - 1}) {
    overwrite(pack, at, 0x10);
    heals("byte " + std::to_string(at));
  }
  for (const std::size_t length : {std::size_t(0), std::size_t(40), size / 2, size - 1, size + 1}) {
    fs::resize_file(pack, length);
    heals("cut to " + std::to_string(length));
  }
}

TEST_F(PackCacheTest, FilesThatOthersCouldHaveWrittenAreNotRead) {
  const std::string want = load().answer;
  const fs::path pack = files(".pack").at(0);
  fs::permissions(pack, fs::perms::group_write, fs::perm_options::add);
  Loaded again = load();
  EXPECT_FALSE(mapped(again));
  EXPECT_NE(again.notes.find("group or others may write"), std::string::npos) << again.notes;
  EXPECT_EQ(again.answer, want);

  const fs::path elsewhere = folder_ / "elsewhere";
  fs::rename(pack, elsewhere);
  fs::create_symlink(elsewhere, pack);
  again = load();
  EXPECT_FALSE(mapped(again));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(pack)));

  fs::permissions(packs(), fs::perms::others_write, fs::perm_options::add);
  again = load();
  EXPECT_FALSE(mapped(again));
  EXPECT_TRUE(again.warned);
  EXPECT_EQ(again.answer, want);
}

TEST_F(PackCacheTest, AFolderThatCannotBeIsNoError) {
  config_.pack_cache_path = "/dev/null/packs";
  const Loaded loaded = load();
  EXPECT_TRUE(loaded.warned);
  EXPECT_NE(loaded.answer, "");
}

// The size and even the time of the last write may be the same.
TEST_F(PackCacheTest, AChangedModelIsAnotherModel) {
  const fs::path copy = folder_ / "model.gguf";
  fs::copy_file(model_, copy);
  model_ = copy;
  const Loaded first = load();
  const auto time = fs::last_write_time(copy);
  overwrite(copy, fs::file_size(copy) - 5, 0x08);
  fs::last_write_time(copy, time);
  const Loaded second = load();
  EXPECT_FALSE(mapped(second));
  EXPECT_EQ(files(".pack").size(), 2u);
  overwrite(copy, fs::file_size(copy) - 5, 0x08);
  const Loaded third = load();
  EXPECT_TRUE(mapped(third)) << "the content of the first";
  EXPECT_EQ(third.answer, first.answer);
}

// A copy of a model under another name, and a record whose bytes are damaged.
TEST_F(PackCacheTest, ContentCountsNotTheName) {
  load();
  model_ = folder_ / "copy.gguf";
  fs::copy_file(golden_path("llama.gguf"), model_);
  EXPECT_TRUE(mapped(load()));
  for (const fs::path& record : files(".sum")) overwrite(record, 3, 0x01);
  EXPECT_TRUE(mapped(load()));
}

TEST_F(PackCacheTest, TheLeastRecentlyUsedMakesRoom) {
  ThreadPool pool(2);
  const std::vector<std::byte> payload(100'000, std::byte{7});
  const uint64_t each = PackFile::file_bytes(payload.size());
  auto cache = PackCache::open(packs(), 2 * each);
  ASSERT_TRUE(cache.ok()) << cache.error().message;
  const auto id = [](int i) {
    Digest digest{};
    digest[0] = uint8_t(i);
    return digest;
  };
  const auto has = [&](int i) { return cache->find(id(i), payload.size(), pool).ok(); };
  ASSERT_TRUE(cache->store({}, id(1), payload, {}).ok());
  ASSERT_TRUE(cache->store({}, id(2), payload, {}).ok());
  EXPECT_TRUE(has(1));  // now 2 is the older one
  ASSERT_TRUE(cache->store({}, id(3), payload, {}).ok());
  EXPECT_TRUE(has(1));
  EXPECT_FALSE(has(2));
  EXPECT_TRUE(has(3));
  const std::vector<std::byte> large(3 * payload.size());
  const Status refused = cache->store({}, id(4), large, {});
  EXPECT_EQ(refused.error().code, Code::resource_exhausted);
  EXPECT_TRUE(has(1) && has(3)) << "what does not fit throws nothing out";
  EXPECT_FALSE(cache->find(id(3), payload.size() - 1, pool).ok());
}

// A mapped file stays readable when another process has replaced or removed it.
TEST_F(PackCacheTest, RemovedWhileMapped) {
  ThreadPool pool(1);
  const std::vector<std::byte> payload(10'000, std::byte{3});
  auto cache = PackCache::open(packs(), 1 << 20);
  ASSERT_TRUE(cache.ok());
  ASSERT_TRUE(cache->store({}, Digest{}, payload, {}).ok());
  auto pack = cache->find(Digest{}, payload.size(), pool);
  ASSERT_TRUE(pack.ok());
  fs::remove_all(packs());
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), pack->payload().begin()));
}

// Unloading does not wait for a slow disk, and leaves nothing behind.
TEST_F(PackCacheTest, StoppedWhileStoring) {
  const std::vector<std::byte> payload(10'000);
  auto cache = PackCache::open(packs(), 1 << 20);
  ASSERT_TRUE(cache.ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(cache->store({}, Digest{}, payload, stop.get_token()).error().code, Code::cancelled);
  EXPECT_TRUE(fs::is_empty(packs()));
}

TEST(PackFile, AFullDiskIsAnError) {
  const int fd = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(fd, 0);
  const std::vector<std::byte> payload(10'000);
  const Status status = PackFile::write(fd, "pack", Digest{}, payload, {});
  ::close(fd);
  EXPECT_EQ(status.error().code, Code::resource_exhausted);
  EXPECT_NE(status.error().message.find("No space left"), std::string::npos);
}

TEST(PackFile, PayloadsOfEverySizeComeBack) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  for (const std::size_t size : {0, 1, 31, 32, 33, 4095, 4096, (4 << 20) - 1, (4 << 20) + 40}) {
    std::vector<std::byte> payload(size);
    for (std::byte& b : payload) b = std::byte(random());
    const int fd = ::memfd_create("pack", 0);
    ASSERT_TRUE(PackFile::write(fd, "pack", Digest{}, payload, {}).ok());
    const auto pack = PackFile::map(fd, "pack", Digest{}, size, pool);
    ASSERT_TRUE(pack.ok()) << pack.error().message;
    EXPECT_TRUE(
        std::equal(payload.begin(), payload.end(), pack->payload().begin(), pack->payload().end()));
    // A single bit is enough.
    if (size > 0) {
      const std::size_t at = PackFile::file_bytes(size) - 1 - random() % size;
      const char other =
          char(~std::to_integer<int>(payload[size - (PackFile::file_bytes(size) - at)]));
      ASSERT_EQ(::pwrite(fd, &other, 1, off_t(at)), 1);
      EXPECT_FALSE(PackFile::map(fd, "pack", Digest{}, size, pool).ok()) << size;
    }
    ::close(fd);
  }
}

}  // namespace
}  // namespace serval::llm
