#include "host/queue/stream_buffer.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace serval::host {
namespace {

constexpr StreamLimits kLimits{2000, 500, 1'000'000, 1 << 20, 16};

Event event(std::size_t bytes) {
  Event made;
  made.data.assign(bytes, 'x');
  made.emitted_ns = 7;
  return made;
}

TEST(StreamBuffer, RefusesAboveTheHighMarkAndResumesOnceAtTheLow) {
  StreamBuffer stream(kLimits);
  Event one = event(400);
  int taken = 0;
  StreamBuffer::Push last;
  while ((last = stream.push(one)) == StreamBuffer::Push::taken) {
    ++taken;
    one = event(400);
  }
  EXPECT_EQ(last, StreamBuffer::Push::parked);
  EXPECT_EQ(one.data.size(), 400u) << "a refused event stays with its owner";
  EXPECT_EQ(stream.push(one), StreamBuffer::Push::refused);
  EXPECT_EQ(stream.parked_since_ns(), 7u);
  EXPECT_LE(stream.bytes(), kLimits.high_bytes);
  int signals = 0;
  bool writable = false;
  while (stream.pop(writable)) {
    signals += writable;
    EXPECT_TRUE(!writable || stream.bytes() <= kLimits.low_bytes);
  }
  EXPECT_EQ(signals, 1);
}

TEST(StreamBuffer, EventLargerThanTheMarkPassesAlone) {
  StreamBuffer stream(kLimits);
  Event small = event(10), large = event(10'000);
  EXPECT_EQ(stream.push(small), StreamBuffer::Push::taken);
  EXPECT_EQ(stream.push(large), StreamBuffer::Push::parked);
  bool writable = false;
  EXPECT_TRUE(stream.pop(writable));
  EXPECT_TRUE(writable);
  EXPECT_EQ(stream.push(large), StreamBuffer::Push::taken);
}

TEST(StreamBuffer, EmptyEventsAreNotFree) {
  StreamBuffer stream(kLimits);
  int taken = 0;
  for (Event none = event(0); stream.push(none) == StreamBuffer::Push::taken; none = event(0))
    ++taken;
  EXPECT_LE(taken, 2000 / int(sizeof(Event)));
}

TEST(StreamBuffer, DiscardedOrFinishedTakesNothing) {
  StreamBuffer stream(kLimits);
  Event one = event(1);
  stream.finish({});
  EXPECT_EQ(stream.push(one), StreamBuffer::Push::closed);
  StreamBuffer other(kLimits);
  Event two = event(1);
  (void)other.push(two);
  other.discard();
  bool writable = false;
  EXPECT_FALSE(other.pop(writable));
  EXPECT_EQ(other.push(one), StreamBuffer::Push::closed);
}

TEST(StreamBuffer, ReadyRunsOncePerEmptying) {
  StreamBuffer stream(kLimits);
  int calls = 0;
  bool writable = false;
  stream.on_ready([&] { ++calls; });
  EXPECT_EQ(calls, 0);
  for (int i = 0; i < 3; ++i) {
    Event one = event(1);
    (void)stream.push(one);
  }
  EXPECT_EQ(calls, 1);
  while (stream.pop(writable)) {
  }
  Event one = event(1);
  (void)stream.push(one);
  EXPECT_EQ(calls, 2);
  (void)stream.pop(writable);
  stream.finish({});
  EXPECT_EQ(calls, 2) << "it has not been seen empty since";
  EXPECT_FALSE(stream.pop(writable));
  stream.on_ready([&] { calls += 10; });
  EXPECT_EQ(calls, 12) << "the finish waits, so a new callback runs at once";
}

TEST(StreamBuffer, CallbackMayPopAndClearItself) {
  StreamBuffer stream(kLimits);
  int popped = 0;
  stream.on_ready([&] {
    bool writable = false;
    while (stream.pop(writable)) ++popped;
    if (popped == 2) stream.on_ready(nullptr);
  });
  for (int i = 0; i < 3; ++i) {
    Event one = event(1);
    (void)stream.push(one);
  }
  EXPECT_EQ(popped, 2);
}

TEST(StreamBuffer, NothingIsLostOrCalledLateBetweenThreads) {
  constexpr int kEvents = 5'000;
  for (int round = 0; round < 3; ++round) {
    StreamBuffer stream(kLimits);
    std::atomic<int> rings{0};
    auto alive = std::make_unique<std::atomic<bool>>(true);
    stream.on_ready([&, flag = alive.get()] {
      EXPECT_TRUE(flag->load());
      rings.fetch_add(1);
    });
    std::thread writer([&] {
      for (int i = 0; i < kEvents;) {
        Event one = event(8);
        if (stream.push(one) == StreamBuffer::Push::taken) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
      stream.finish({});
    });
    int got = 0, seen = 0;
    bool writable = false;
    while (got < kEvents) {
      while (rings.load() == seen) std::this_thread::yield();
      seen = rings.load();
      while (stream.pop(writable)) ++got;
    }
    stream.on_ready(nullptr);
    alive->store(false);
    writer.join();
    EXPECT_EQ(got, kEvents);
    EXPECT_TRUE(stream.finish().has_value());
  }
}

}  // namespace
}  // namespace serval::host
