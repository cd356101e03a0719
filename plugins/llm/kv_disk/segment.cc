#include "plugins/llm/kv_disk/segment.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace serval::llm {
namespace {

// All of the bytes or nothing.
bool read_at(int file, std::span<std::byte> to, uint64_t offset) {
  while (!to.empty()) {
    const ssize_t got = ::pread(file, to.data(), to.size(), off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to = to.subspan(std::size_t(got));
    offset += uint64_t(got);
  }
  return true;
}

bool write_at(int file, std::span<const std::byte> from, uint64_t offset) {
  while (!from.empty()) {
    const ssize_t put = ::pwrite(file, from.data(), from.size(), off_t(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    from = from.subspan(std::size_t(put));
    offset += uint64_t(put);
  }
  return true;
}

Error system_error(const std::string& name, const char* what) {
  const Code code = errno == ENOSPC || errno == EDQUOT || errno == EFBIG
                        ? Code::resource_exhausted
                        : Code::failed_precondition;
  return error(code, name + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

std::string Segment::name(uint64_t number) {
  std::string digits(16, '0');
  for (std::size_t i = digits.size(); i-- > 0; number >>= 4)
    digits[i] = "0123456789abcdef"[number & 15];
  return digits + ".kv";
}

Result<std::shared_ptr<Segment>> Segment::create(int folder, const SegmentHeader& header) {
  const std::string name = Segment::name(header.number);
  const int file =
      ::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return system_error(name, "cannot create");
  std::shared_ptr<Segment> segment(new Segment(file, header));
  if (write_at(file, encode(header), 0)) return segment;
  const Error failed = system_error(name, "cannot write");
  ::unlinkat(folder, name.c_str(), 0);
  return failed;
}

Result<std::shared_ptr<Segment>> Segment::open(int folder, const SegmentHeader& header) {
  const std::string name = Segment::name(header.number);
  const int file = ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return system_error(name, "cannot open");
  std::shared_ptr<Segment> segment(new Segment(file, header));
  struct stat info {};
  SegmentHeaderBytes bytes;
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      !read_at(file, bytes, 0) || decode(bytes) != header)
    return error(Code::data_loss, name + ": not a segment of this model's cache");
  const uint64_t whole = (uint64_t(info.st_size) - kSegmentHeaderBytes) / segment->record_bytes();
  segment->records_ = int(std::min<uint64_t>(whole, INT_MAX));
  return segment;
}

Segment::~Segment() { ::close(file_); }

std::optional<RecordHead> Segment::head(int record) const {
  RecordHeadBytes bytes;
  if (!read_at(file_, bytes, offset(record))) return std::nullopt;
  return decode(bytes);
}

bool Segment::read(int record, RecordHead& head, std::span<std::byte> block) const {
  const std::optional<RecordHead> found = this->head(record);
  if (!found || block.size() != header_.block_bytes) return false;
  head = *found;
  return read_at(file_, block, offset(record) + kRecordHeadBytes) &&
         content_digest(block) == head.content;
}

Status Segment::append(const RecordHead& head, std::span<const std::byte> block) {
  const uint64_t at = offset(records_);
  if (write_at(file_, encode(head), at) && write_at(file_, block, at + kRecordHeadBytes)) {
    ++records_;
    return {};
  }
  const Error failed = system_error(name(header_.number), "cannot write");
  static_cast<void>(::ftruncate(file_, off_t(at)));  // a reader would stop there anyway
  return failed;
}

}  // namespace serval::llm
