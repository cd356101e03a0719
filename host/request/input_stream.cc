#include "host/request/input_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace serval::host {

std::size_t InputStream::write(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  if (ended_) return 0;
  const std::size_t room = most_ - std::min(most_, bytes_.size() - begin_);
  const std::size_t n = std::min(room, bytes.size());
  if (begin_ > 0 && bytes_.size() + n > most_) bytes_.erase(0, std::exchange(begin_, 0));
  bytes_.append(bytes.substr(0, n));
  writer_waits_ = n < bytes.size();
  if (n == 0 || !std::exchange(reader_waits_, false)) return n;
  const auto readable = readable_;
  lock.unlock();
  call(readable);
  return n;
}

void InputStream::end() {
  std::unique_lock lock(mutex_);
  if (std::exchange(ended_, true) || !std::exchange(reader_waits_, false)) return;
  const auto readable = readable_;
  lock.unlock();
  call(readable);
}

void InputStream::on_room(Callback room) {
  auto made = room ? std::make_shared<const Callback>(std::move(room)) : nullptr;
  std::lock_guard lock(mutex_);
  room_.swap(made);
}

InputStream::Read InputStream::read(char* to, std::size_t capacity, std::size_t& n) {
  std::unique_lock lock(mutex_);
  n = std::min(capacity, bytes_.size() - begin_);
  if (n > 0) std::memcpy(to, bytes_.data() + begin_, n);
  begin_ += n;
  const std::size_t left = bytes_.size() - begin_;
  if (left == 0) {
    bytes_.clear();
    begin_ = 0;
  }
  if (n == 0 && left == 0) {
    reader_waits_ = !ended_;
    return ended_ ? Read::end : Read::none;
  }
  if (left <= most_ / 2 && std::exchange(writer_waits_, false)) {
    const auto room = room_;
    lock.unlock();
    call(room);
  }
  return Read::some;
}

void InputStream::on_readable(Callback readable) {
  auto made = readable ? std::make_shared<const Callback>(std::move(readable)) : nullptr;
  std::lock_guard lock(mutex_);
  readable_.swap(made);
}

}  // namespace serval::host
