#include "host/request/upload_buffer.h"

#include <condition_variable>
#include <gtest/gtest.h>
#include <string>
#include <thread>

namespace serval::host {
namespace {

struct UploadBufferTest : testing::Test {
  const std::shared_ptr<UploadBuffer> buffer = *UploadBuffer::reserve(1 << 20);
  int told = 0;
  UploadBufferTest() {
    buffer->on_arrived([this] { ++told; });
  }
};

TEST_F(UploadBufferTest, WhatHasComeStaysWhereItIs) {
  EXPECT_EQ(buffer->view().bytes, "");
  EXPECT_TRUE(buffer->append("abc"));
  const UploadBuffer::View first = buffer->view();
  EXPECT_EQ(first.bytes, "abc");
  EXPECT_FALSE(first.complete);
  EXPECT_TRUE(buffer->append(std::string((1 << 20) - 3, 'x')));
  buffer->complete();
  const UploadBuffer::View all = buffer->view();
  EXPECT_EQ(all.bytes.data(), first.bytes.data());
  EXPECT_EQ(all.bytes.size(), 1u << 20);
  EXPECT_EQ(first.bytes, "abc");
  EXPECT_TRUE(all.complete);
}

TEST_F(UploadBufferTest, WhoWaitsIsToldOnce) {
  EXPECT_TRUE(buffer->append("abc"));
  EXPECT_EQ(told, 0) << "nobody waits";
  EXPECT_EQ(buffer->view(3).bytes, "abc");
  EXPECT_TRUE(buffer->append("d"));
  EXPECT_EQ(told, 0) << "it had what it wanted";
  EXPECT_EQ(buffer->view(6).bytes, "abcd");
  EXPECT_TRUE(buffer->append("e"));
  EXPECT_EQ(told, 0) << "not yet";
  EXPECT_TRUE(buffer->append("fg"));
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(buffer->append("h"));
  EXPECT_EQ(told, 1);
  buffer->view(100);
  buffer->complete();
  EXPECT_EQ(told, 2) << "there will be no more";
  EXPECT_TRUE(buffer->view(100).complete);
  EXPECT_EQ(told, 2);
}

TEST_F(UploadBufferTest, ALaterWaitReplacesTheEarlierOne) {
  buffer->view(2);
  buffer->view(4);
  EXPECT_TRUE(buffer->append("abc"));
  EXPECT_EQ(told, 0);
  buffer->view();  // only looks
  EXPECT_TRUE(buffer->append("d"));
  EXPECT_EQ(told, 1);
}

TEST(UploadBuffer, MayBeEmpty) {
  const auto buffer = *UploadBuffer::reserve(0);
  buffer->complete();
  EXPECT_EQ(buffer->view(10).bytes, "");
}

TEST(UploadBuffer, WhatTheSystemDoesNotHaveIsRefused) {
  const auto buffer = UploadBuffer::reserve(std::size_t{1} << 62);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, Code::unavailable);
}

// A reader that sleeps until it is told misses nothing, whatever the writer does.
TEST(UploadBuffer, NoWakeUpIsLost) {
  constexpr std::size_t kBytes = 200'000;
  const auto buffer = *UploadBuffer::reserve(kBytes);
  std::mutex mutex;
  std::condition_variable signal;
  bool told = false;
  buffer->on_arrived([&] {
    const std::lock_guard lock(mutex);
    told = true;
    signal.notify_one();
  });
  std::thread writer([&] {
    for (std::size_t i = 0; i < kBytes; ++i)
      ASSERT_TRUE(buffer->append(std::string(1, char('a' + i % 26))));
    buffer->complete();
  });
  std::size_t read = 0;
  for (;;) {
    const UploadBuffer::View view = buffer->view(read + 1);
    const bool more = read < view.bytes.size();
    for (; read < view.bytes.size(); ++read) ASSERT_EQ(view.bytes[read], char('a' + read % 26));
    if (view.complete) break;
    if (more) continue;
    std::unique_lock lock(mutex);
    signal.wait(lock, [&] { return told; });
    told = false;
  }
  EXPECT_EQ(read, kBytes);
  writer.join();
}

}  // namespace
}  // namespace serval::host
