#include "host/request/input_stream.h"

#include <condition_variable>
#include <gtest/gtest.h>
#include <thread>

namespace serval::host {
namespace {

using Read = InputStream::Read;

struct InputStreamTest : testing::Test {
  InputStream stream{8};
  int readable = 0, room = 0;
  InputStreamTest() {
    stream.on_readable([this] { ++readable; });
    stream.on_room([this] { ++room; });
  }
  // What is read, or "none" or "end".
  std::string read(std::size_t capacity) {
    std::string out(capacity, '?');
    std::size_t n = 0;
    const Read result = stream.read(out.data(), capacity, n);
    out.resize(n);
    return result == Read::some ? out : result == Read::none ? "none" : "end";
  }
};

TEST_F(InputStreamTest, BytesComeInOrder) {
  EXPECT_EQ(stream.write("abc"), 3u);
  EXPECT_EQ(read(2), "ab");
  EXPECT_EQ(stream.write("defgh"), 5u);
  EXPECT_EQ(read(100), "cdefgh");
  EXPECT_EQ(read(100), "none");
  stream.end();
  EXPECT_EQ(read(100), "end");
  EXPECT_EQ(read(100), "end");
  EXPECT_EQ(stream.write("x"), 0u);
}

TEST_F(InputStreamTest, EndComesBehindTheBytes) {
  stream.write("ab");
  stream.end();
  EXPECT_EQ(read(1), "a");
  EXPECT_EQ(read(1), "b");
  EXPECT_EQ(read(1), "end");
}

TEST_F(InputStreamTest, WhoFindsItEmptyIsCalledOnce) {
  stream.write("a");
  EXPECT_EQ(readable, 0);
  read(1);
  EXPECT_EQ(read(1), "none");
  stream.write("b");
  stream.write("c");
  EXPECT_EQ(readable, 1);
  EXPECT_EQ(read(9), "bc");
  EXPECT_EQ(read(9), "none");
  stream.end();
  EXPECT_EQ(readable, 2);
}

TEST_F(InputStreamTest, WhoFindsItFullIsCalledWhenHalfIsFree) {
  EXPECT_EQ(stream.write("0123456789"), 8u);
  EXPECT_EQ(stream.write("89"), 0u);
  read(3);
  EXPECT_EQ(room, 0);
  read(1);
  EXPECT_EQ(room, 1);
  read(1);
  EXPECT_EQ(room, 1) << "nobody waits any more";
  EXPECT_EQ(stream.write("89"), 2u);
  EXPECT_EQ(read(99), "56789");
}

TEST_F(InputStreamTest, ReadingNothingSaysWhetherThereIsSomething) {
  EXPECT_EQ(read(0), "none");
  stream.write("a");
  EXPECT_EQ(readable, 1);
  EXPECT_EQ(read(0), "");
  EXPECT_EQ(read(1), "a");
}

TEST(InputStream, TwoThreadsLoseNothing) {
  InputStream stream(64);
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  const auto call = [&] {
    std::lock_guard lock(mutex);
    ++calls;
    changed.notify_all();
  };
  const auto wait = [&](int seen) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return calls != seen; }));
  };
  const auto seen_calls = [&] {
    std::lock_guard lock(mutex);
    return calls;
  };
  stream.on_readable(call);
  stream.on_room(call);
  constexpr int kBytes = 20'000;
  std::thread writer([&] {
    for (int sent = 0; sent < kBytes;) {
      const int seen = seen_calls();
      std::string piece;
      for (int i = sent; i < std::min(kBytes, sent + 37); ++i) piece += char(i % 251);
      const std::size_t n = stream.write(piece);
      sent += int(n);
      if (n < piece.size()) wait(seen);
    }
    stream.end();
  });
  int got = 0;
  for (;;) {
    const int seen = seen_calls();
    char piece[29];
    std::size_t n = 0;
    const Read result = stream.read(piece, sizeof piece, n);
    if (result == Read::end) break;
    if (result == Read::none) wait(seen);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(piece[i], char(got++ % 251));
  }
  writer.join();
  EXPECT_EQ(got, kBytes);
}

}  // namespace
}  // namespace serval::host
