#include "mini_host.h"

#include <cstring>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host_table.h"

namespace serval::check {

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

// The table ends where its page ends, and an unmapped page follows: reading past its size and
// writing into it both crash, at the instruction that does it.
MiniHost::MiniHost(HostOptions options)
    : options_(options),
      metrics_(HostTable::metrics()),
      progress_(HostTable::progress()),
      input_stream_(HostTable::input_stream()) {
  const std::size_t page = std::size_t(sysconf(_SC_PAGESIZE));
  pages_ = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const serval_host full = HostTable::host(this, options_.abi_minor, options_.table_size);
  // A future host's table is longer than ours; what is behind our part belongs to nobody.
  const std::size_t bytes = std::min<std::size_t>(options_.table_size, sizeof(serval_host));
  const std::size_t room = (options_.table_size + 7) / 8 * 8;
  auto* at = static_cast<char*>(pages_) + page - room;
  std::memcpy(at, &full, bytes);
  table_ = reinterpret_cast<serval_host*>(at);
  mprotect(pages_, page, PROT_READ);
  mprotect(static_cast<char*>(pages_) + page, page, PROT_NONE);
}

MiniHost::~MiniHost() { munmap(pages_, 2 * std::size_t(sysconf(_SC_PAGESIZE))); }

bool MiniHost::owns_address(const void* p) const {
  const auto* first = static_cast<const char*>(pages_);
  return p >= first && p < first + 2 * sysconf(_SC_PAGESIZE);
}

HostModel* MiniHost::add_model() {
  const std::lock_guard lock(mutex_);
  models_.push_back(std::make_unique<HostModel>());
  models_.back()->host = this;
  return models_.back().get();
}

Stream* MiniHost::submit(HostModel& model, Spec spec, int64_t credit, uint32_t cancel_on_pull,
                         bool arriving) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<Stream>(this, streams_.size() + 1, std::move(spec)));
  Stream* stream = streams_.back().get();
  stream->view.accepted_ns = now_ns();
  if (stream->arrival() != Arrival::whole && !arriving)
    stream->feed(stream->spec.inputs[0].size(), true);
  stream->credit = credit;
  stream->cancel_on_pull = cancel_on_pull;
  model.waiting.push_back(stream);
  changed_.notify_all();
  return stream;
}

bool MiniHost::withdraw(HostModel& model, const Stream& stream) {
  const std::lock_guard lock(mutex_);
  return std::erase(model.waiting, &stream) > 0;
}

bool MiniHost::wait(uint64_t timeout_ms, const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
}

void MiniHost::notify() { changed_.notify_all(); }

void MiniHost::violate(const std::string& rule, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (violations_.size() < 20) violations_.push_back({rule, what});
}

std::vector<Violation> MiniHost::violations() {
  const std::lock_guard lock(mutex_);
  return violations_;
}

std::vector<std::string> MiniHost::errors_logged() {
  const std::lock_guard lock(mutex_);
  return errors_;
}

void MiniHost::close_for_calls() {
  const std::lock_guard lock(mutex_);
  destroyed_ = true;
}

}  // namespace serval::check
