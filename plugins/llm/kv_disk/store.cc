#include "plugins/llm/kv_disk/store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace serval::llm {
namespace {

constexpr uint64_t kMostSegmentBytes = uint64_t(256) << 20;
constexpr uint64_t kSegmentsABudget = 8;  // at least: what one drop loses is an eighth

Error folder_error(const std::filesystem::path& folder, Code code, const std::string& what) {
  return error(code, folder.string() + ": " + what);
}

// A descriptor of a folder that only this user can write.
Result<int> open_folder(const std::filesystem::path& folder) {
  std::error_code ec;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), ec);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return folder_error(folder, Code::failed_precondition,
                        std::string("cannot create: ") + std::strerror(errno));
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return folder_error(folder, Code::failed_precondition,
                        std::string("cannot open: ") + std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_uid == ::geteuid() && (info.st_mode & 077) == 0) return fd;
  ::close(fd);
  return folder_error(folder, Code::permission_denied,
                      "must belong to the server's user and be closed to others (mode 0700)");
}

std::optional<uint64_t> number_of(const std::string& name) {
  uint64_t number = 0;
  for (const char c : name.substr(0, name.find('.'))) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number << 4 | digit;
  }
  if (Segment::name(number) != name) return std::nullopt;
  return number;
}

}  // namespace

Result<std::unique_ptr<BlockStore>> BlockStore::open(const std::filesystem::path& folder,
                                                     uint64_t budget, const Digest& fingerprint,
                                                     uint64_t block_bytes) {
  const uint64_t least = least_bytes(block_bytes);
  if (budget < least)
    return invalid("the budget of the cache on disk is " + std::to_string(budget) +
                   " bytes; one block needs " + std::to_string(least));
  const Result<int> fd = open_folder(folder);
  if (!fd) return fd.error();
  const int lock = ::openat(*fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  std::unique_ptr<BlockStore> store(
      new BlockStore(*fd, lock, budget, {1, block_bytes, fingerprint}));
  if (lock < 0)
    return folder_error(folder, Code::failed_precondition,
                        std::string("cannot lock: ") + std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return folder_error(folder, Code::unavailable, "in use by another model or process");
  std::vector<uint64_t> numbers;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (const auto number = number_of(it->path().filename())) numbers.push_back(*number);
  if (ec) return folder_error(folder, Code::failed_precondition, ec.message());
  std::sort(numbers.begin(), numbers.end());
  store->take_over(numbers);
  return store;
}

// What earlier starts have left.
void BlockStore::take_over(const std::vector<uint64_t>& numbers) {
  const std::lock_guard lock(mutex_);
  for (const uint64_t number : numbers) {
    header_.number = number;
    Result<SegmentPtr> segment = Segment::open(folder_, header_);
    if (!segment) {
      ++damaged_;
      ::unlinkat(folder_, Segment::name(number).c_str(), 0);
      continue;
    }
    bytes_ += (*segment)->bytes();
    segments_[number] = {*segment, {}};
    unscanned_.push_back(std::move(*segment));
  }
  header_.number = numbers.empty() ? 1 : numbers.back() + 1;
  make_room(0);
}

BlockStore::~BlockStore() {
  if (lock_ >= 0) ::close(lock_);
  ::close(folder_);
}

bool BlockStore::contains(const BlockKey& key) const {
  const std::lock_guard lock(mutex_);
  return places_.contains(key);
}

StoreCounts BlockStore::counts() const {
  const std::lock_guard lock(mutex_);
  return {bytes_, places_.size(), damaged_};
}

bool BlockStore::read(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
                      std::span<std::byte> block) {
  Place place;
  {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return false;
    place = found->second;
  }
  RecordHead head;
  if (place.segment->read(place.record, head, block) && head.key == key && head.before == before &&
      std::equal(tokens.begin(), tokens.end(), head.tokens.begin(), head.tokens.end()))
    return true;
  const std::lock_guard lock(mutex_);
  ++damaged_;
  places_.erase(key);
  return false;
}

bool BlockStore::scan_next() {
  if (unscanned_.empty()) return false;
  const SegmentPtr segment = std::move(unscanned_.back());
  unscanned_.pop_back();
  for (int record = 0; record < segment->records(); ++record) {
    const std::optional<RecordHead> head = segment->head(record);
    const std::lock_guard lock(mutex_);
    if (!head) {  // nothing behind it can be trusted to begin where a record should
      ++damaged_;
      break;
    }
    if (places_.size() >= kMostBlocks) break;
    if (segments_.contains(segment->number())) add(segment, record, head->key);
  }
  return true;
}

Status BlockStore::append(RecordHead head, std::span<const std::byte> block) {
  if (contains(head.key)) return {};
  head.content = content_digest(block);
  const uint64_t record = kRecordHeadBytes + header_.block_bytes;
  const uint64_t most = std::min(kMostSegmentBytes, budget_ / kSegmentsABudget);
  if (active_ && active_->bytes() + record > most) active_ = nullptr;
  {
    const std::lock_guard lock(mutex_);
    make_room(record + kSegmentHeaderBytes);
  }
  if (!active_) {
    Result<SegmentPtr> created = Segment::create(folder_, header_);
    if (!created) return created.error();
    ++header_.number;
    active_ = std::move(*created);
    const std::lock_guard lock(mutex_);
    segments_[active_->number()] = {active_, {}};
    bytes_ += kSegmentHeaderBytes;
  }
  if (const Status written = active_->append(head, block); !written) return written;
  const std::lock_guard lock(mutex_);
  bytes_ += record;
  add(active_, active_->records() - 1, head.key);
  return {};
}

// REQUIRES for the rest: the lock is held.
void BlockStore::add(const SegmentPtr& segment, int record, const BlockKey& key) {
  if (places_.try_emplace(key, Place{segment, record}).second)
    segments_[segment->number()].keys.push_back(key);
}

void BlockStore::make_room(uint64_t bytes) {
  while (!segments_.empty() && (bytes_ + bytes > budget_ || places_.size() >= kMostBlocks))
    drop_oldest();
}

void BlockStore::drop_oldest() {
  const auto oldest = segments_.begin();
  const SegmentPtr segment = oldest->second.segment;
  for (const BlockKey& key : oldest->second.keys) {
    const auto place = places_.find(key);
    if (place != places_.end() && place->second.segment == segment) places_.erase(place);
  }
  bytes_ -= segment->bytes();
  ::unlinkat(folder_, Segment::name(segment->number()).c_str(), 0);
  std::erase(unscanned_, segment);
  if (active_ == segment) active_ = nullptr;
  segments_.erase(oldest);
}

}  // namespace serval::llm
