// Input 0 of a request that is still arriving: a bounded buffer between who receives it and the
// plugin that reads it.
//
//   adapter --write, end--> [buffer] --read--> plugin
//
// Whoever finds it full or empty is called once when that has changed. Thread-safe; one writer, one
// reader.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace serval::host {

class InputStream {
 public:
  using Callback = std::function<void()>;
  static constexpr std::size_t kBytes = 256u << 10;

  explicit InputStream(std::size_t most = kBytes) : most_(most) {}

  // --- the writer ---
  // How many bytes of the front were taken. Less than all: `on_room` runs when half of the buffer
  // is free. After end() nothing is taken.
  std::size_t write(std::string_view bytes);
  void end();
  // Runs on the reader's thread, briefly, without locks held. It may still run once after it was
  // replaced, so it owns what it uses.
  void on_room(Callback room);

  // --- the reader ---
  enum class Read { some, none, end };
  // none: `on_readable` runs when there is more, or the end.
  Read read(char* to, std::size_t capacity, std::size_t& n);
  void on_readable(Callback readable);  // as on_room, on the writer's thread

 private:
  static void call(const std::shared_ptr<const Callback>& callback) {
    if (callback) (*callback)();
  }

  std::mutex mutex_;
  const std::size_t most_;
  std::string bytes_;
  std::size_t begin_ = 0;  // of what has not been read
  bool ended_ = false;
  bool writer_waits_ = false, reader_waits_ = false;
  std::shared_ptr<const Callback> room_, readable_;
};

}  // namespace serval::host
