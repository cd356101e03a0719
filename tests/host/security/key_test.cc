#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "host/security/key_store.h"

namespace serval::host {
namespace {

// SHA-256 of "abc": FIPS 180-2, appendix B.1.
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "keys_" + std::to_string(getpid()) +
            testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string path_;
};

TEST_F(KeyFile, GrantsWhatTheLineSays) {
  write("# keys\n\nalice " + kAbc + " acme infer,metrics 2  # note\n");
  const auto store = KeyStore::open(path_);
  ASSERT_TRUE(store) << store.error().message;
  for (const char* value : {"Bearer abc", "bearer abc", "Bearer   abc "}) {
    const auto who = (*store)->authenticate(value);
    ASSERT_TRUE(who) << value;
    EXPECT_EQ(who->key_id, "alice");
    EXPECT_EQ(who->tenant, "acme");
    EXPECT_EQ(who->scopes, kScopeInfer | kScopeMetrics);
    EXPECT_EQ(who->priority_cap, 2);
  }
}

TEST_F(KeyFile, RefusesWhatIsNoKnownKey) {
  write("alice " + kAbc + " acme infer\n");
  const auto store = KeyStore::open(path_);
  ASSERT_TRUE(store);
  for (const std::string& value :
       {std::string(), std::string("abc"), std::string("Basic abc"), std::string("Bearer"),
        std::string("Bearer "), std::string("Bearer abcd"), "Bearer " + kAbc,
        "Bearer " + std::string(5000, 'a')}) {
    const auto who = (*store)->authenticate(value);
    ASSERT_FALSE(who) << value;
    EXPECT_EQ(who.error().code, Code::unauthenticated);
    EXPECT_EQ(who.error().message.find(kAbc), std::string::npos);
  }
}

TEST_F(KeyFile, RefusesFilesThatOthersCanReadOrChange) {
  for (const mode_t mode : {0644, 0604, 0620, 0602, 0666}) {
    write("alice " + kAbc + " acme infer\n", mode);
    const auto store = KeyStore::open(path_);
    ASSERT_FALSE(store) << mode;
    EXPECT_EQ(store.error().code, Code::permission_denied);
  }
  write("alice " + kAbc + " acme infer\n", 0640);
  EXPECT_TRUE(KeyStore::open(path_));
}

TEST_F(KeyFile, AFailedReloadKeepsTheOldKeys) {
  write("alice " + kAbc + " acme infer\n");
  const auto store = KeyStore::open(path_);
  ASSERT_TRUE(store);
  write("alice nonsense acme infer\n");
  EXPECT_FALSE((*store)->reload().ok());
  EXPECT_TRUE((*store)->authenticate("Bearer abc"));
  write("bob " + std::string(64, '0') + " acme infer\n");
  EXPECT_TRUE((*store)->reload().ok());
  EXPECT_FALSE((*store)->authenticate("Bearer abc"));
}

TEST_F(KeyFile, ReloadsWhileKeysAreAsked) {
  write("alice " + kAbc + " acme infer\n");
  const auto store = KeyStore::open(path_);
  ASSERT_TRUE(store);
  std::atomic<bool> stop = false;
  std::atomic<int> refused = 0;
  std::thread asker([&] {
    while (!stop)
      if (!(*store)->authenticate("Bearer abc")) ++refused;
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE((*store)->reload().ok());
  stop = true;
  asker.join();
  EXPECT_EQ(refused, 0);
}

TEST(KeyText, ErrorsComeAllAtOnceAndNeverRepeatTheSecret) {
  const auto keys = parse_key_file("a b\nal/ice " + kAbc + " t infer\nx my-secret t infer\ny " +
                                       kAbc + " t all\nz " + kAbc + " t infer high\n",
                                   "k");
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().message,
            "k:1: found 2 words, want: id sha256 tenant scopes [priority]\n"
            "k:2: the id is \"al/ice\", want 1 to 64 of A-Za-z0-9._@-\n"
            "k:3: the hash is not 64 hexadecimal digits\n"
            "k:4: the scopes are \"all\", want infer, admin, metrics with commas between\n"
            "k:5: the priority is \"high\", want an integer from -1000 to 1000");
  EXPECT_FALSE(parse_key_file("", "k"));
  EXPECT_FALSE(parse_key_file("a " + kAbc + " t infer\nb " + kAbc + " t infer\n", "k"));
}

TEST(NewKeys, FitTheFileAndDiffer) {
  const auto one = make_key("alice", "acme", "infer,admin");
  const auto two = make_key("alice", "acme", "infer,admin");
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->key, two->key);
  EXPECT_EQ(one->line.find(one->key), std::string::npos);
  const auto entries = parse_key_file(one->line, "k");
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ((*entries)[0].hash, hash_key(one->key));
  EXPECT_FALSE(make_key("a b", "acme", "infer"));
  EXPECT_FALSE(make_key("a", "acme", "root"));
}

}  // namespace
}  // namespace serval::host
