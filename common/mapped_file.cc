#include "common/mapped_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace serval {
namespace {

FileStamp stamp_from(const struct stat& info) {
  const auto ns = [](const timespec& t) { return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec; };
  return {uint64_t(info.st_dev), uint64_t(info.st_ino), uint64_t(info.st_size), ns(info.st_mtim),
          ns(info.st_ctim)};
}

Error open_error(const std::string& name, const char* what) {
  const Code code = errno == ENOENT ? Code::not_found : Code::failed_precondition;
  return error(code, name + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

Result<FileStamp> stamp_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return open_error(path.string(), "cannot stat");
  return stamp_from(info);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return open_error(path.string(), "cannot open");
  Result<MappedFile> mapped = map(fd, path.string());
  ::close(fd);
  return mapped;
}

Result<MappedFile> MappedFile::map(int fd, const std::string& name) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return open_error(name, "cannot stat");
  if (!S_ISREG(info.st_mode))
    return error(Code::failed_precondition, name + ": not a regular file");
  const FileStamp stamp = stamp_from(info);
  if (stamp.bytes == 0) return MappedFile(nullptr, stamp);  // mmap refuses a length of 0
  void* data = ::mmap(nullptr, std::size_t(stamp.bytes), PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return open_error(name, "cannot map");
  return MappedFile(static_cast<const std::byte*>(data), stamp);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      stamp_(other.stamp_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void drop_pages(std::span<const std::byte> part) {
  const auto page = std::uintptr_t(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(part.data()) + part.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace serval
