#include "plugins/llm/pack_cache.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecond = 1'000'000'000;
// A write within the clock's tick in which a file was looked at would not show in its stamp.
constexpr int64_t kSettledNs = 2 * kSecond;
// What a process that died has left of a file it was writing.
constexpr int64_t kStaleNs = 3600 * kSecond;
constexpr std::size_t kLeaf = std::size_t(4) << 20;
constexpr std::size_t kRecordBytes = 2 * sizeof(Digest);

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Why others could have put something there; "" if they could not.
std::string open_to_others(const struct stat& info) {
  if (info.st_uid != ::geteuid())
    return "belongs to user " + std::to_string(info.st_uid) + ", not to this process's user";
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "group or others may write to it";
  return {};
}

Digest stamp_digest(std::span<const SourceFile> files) {
  Sha256 hash;
  for (const SourceFile& f : files) {
    const FileStamp& s = f.file.stamp();
    const uint64_t fields[] = {s.device, s.inode, s.bytes, uint64_t(s.written_ns),
                               uint64_t(s.changed_ns)};
    hash.add(std::as_bytes(std::span(fields)));
  }
  return hash.finish();
}

bool settled(std::span<const SourceFile> files) {
  const int64_t now = now_ns();
  return std::all_of(files.begin(), files.end(), [&](const SourceFile& f) {
    const int64_t last = std::max(f.file.stamp().written_ns, f.file.stamp().changed_ns);
    return last <= now - kSettledNs;
  });
}

// A record's second half: so that a damaged one is not believed.
Digest record_check(const Digest& content) {
  Sha256 hash;
  hash.add("serval sum 1");
  hash.add(content);
  return hash.finish();
}

}  // namespace

PackCache::PackCache(PackCache&& other) noexcept
    : path_(std::move(other.path_)),
      folder_(std::exchange(other.folder_, -1)),
      budget_(other.budget_) {}

PackCache::~PackCache() {
  if (folder_ >= 0) ::close(folder_);
}

Result<PackCache> PackCache::open(const fs::path& folder, uint64_t budget) {
  std::error_code ec;
  fs::create_directories(folder.parent_path(), ec);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return error(Code::failed_precondition,
                 folder.string() + ": cannot be made: " + std::strerror(errno));
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return error(Code::failed_precondition,
                 folder.string() + ": cannot be opened: " + std::strerror(errno));
  PackCache cache(folder, fd, budget);
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return error(Code::failed_precondition, folder.string() + ": " + std::strerror(errno));
  if (const std::string why = open_to_others(info); !why.empty())
    return error(Code::permission_denied, folder.string() + ": " + why);
  return cache;
}

// A descriptor of a file that only this user can have written.
Result<int> PackCache::open_trusted(const std::string& name) const {
  const std::string full = (path_ / name).string();
  const int fd = ::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return error(errno == ENOENT ? Code::not_found : Code::failed_precondition,
                 full + ": cannot be opened: " + std::strerror(errno));
  struct stat info {};
  std::string why;
  if (::fstat(fd, &info) != 0)
    why = std::strerror(errno);
  else
    why = S_ISREG(info.st_mode) ? open_to_others(info) : "is not a regular file";
  if (why.empty()) return fd;
  ::close(fd);
  return error(Code::permission_denied, full + ": " + why);
}

std::optional<Digest> PackCache::recorded(const std::string& name) const {
  const Result<int> fd = open_trusted(name);
  if (!fd) return std::nullopt;
  Digest record[3];  // room for one byte too many
  const ssize_t got = ::read(*fd, record, kRecordBytes + 1);
  ::futimens(*fd, nullptr);
  ::close(*fd);
  if (got != ssize_t(kRecordBytes) || record[1] != record_check(record[0])) return std::nullopt;
  return record[0];
}

Result<Digest> PackCache::content(std::span<const SourceFile> files, ThreadPool& pool,
                                  const std::function<bool()>& cancelled) {
  const std::string record = hex(stamp_digest(files)) + ".sum";
  const bool believable = settled(files);
  if (believable)
    if (const std::optional<Digest> known = recorded(record)) return *known;

  // A hash over hashes of pieces, so that all threads can work.
  Sha256 whole;
  for (const SourceFile& f : files) {
    const std::span<const std::byte> bytes = f.file.bytes();
    std::vector<Digest> leaves((bytes.size() + kLeaf - 1) / kLeaf);
    constexpr std::size_t kBatch = 32;
    for (std::size_t first = 0; first < leaves.size(); first += kBatch) {
      if (cancelled && cancelled()) return error(Code::cancelled, "loading was cancelled");
      pool.run(int(std::min(kBatch, leaves.size() - first)), [&](int i) {
        const std::size_t leaf = first + std::size_t(i), at = leaf * kLeaf;
        Sha256 hash;
        hash.add(bytes.subspan(at, std::min(kLeaf, bytes.size() - at)));
        leaves[leaf] = hash.finish();
      });
    }
    const uint64_t size = bytes.size();
    whole.add(std::as_bytes(std::span(&size, 1)));
    whole.add(std::as_bytes(std::span(leaves)));
  }
  const Digest digest = whole.finish();
  if (believable) {
    const Digest text[] = {digest, record_check(digest)};
    // Without a record the next start reads the files again.
    static_cast<void>(put(record, [&](int fd, const std::string& name) -> Status {
      if (::write(fd, text, sizeof text) == ssize_t(sizeof text)) return {};
      return error(Code::resource_exhausted, name + ": cannot be written");
    }));
  }
  return digest;
}

Result<PackFile> PackCache::find(const Digest& id, std::size_t bytes, ThreadPool& pool) {
  const std::string name = hex(id) + ".pack";
  const Result<int> fd = open_trusted(name);
  Result<PackFile> pack = fd ? PackFile::map(*fd, (path_ / name).string(), id, bytes, pool)
                             : Result<PackFile>(fd.error());
  if (pack) ::futimens(*fd, nullptr);  // used just now
  if (fd) ::close(*fd);
  if (!pack && pack.error().code != Code::not_found) ::unlinkat(folder_, name.c_str(), 0);
  return pack;
}

Status PackCache::store(std::span<const Source> files, const Digest& id,
                        std::span<const std::byte> payload, const std::stop_token& stop) {
  for (const Source& f : files) {
    const Result<FileStamp> now = stamp_of(f.path);
    if (!now || *now != f.stamp)
      return error(Code::aborted, f.path.string() + " was changed while it was read");
  }
  const std::string name = hex(id) + ".pack";
  const uint64_t bytes = PackFile::file_bytes(payload.size());
  if (bytes > budget_)
    return error(Code::resource_exhausted,
                 path_.string() + ": packed weights of " + std::to_string(bytes) +
                     " bytes do not fit into its budget of " + std::to_string(budget_));
  make_room(bytes, name);
  return put(name, [&](int fd, const std::string& where) {
    return PackFile::write(fd, where, id, payload, stop);
  });
}

// Writes a file under another name and puts it in its place when it is complete.
template <class Write>
Status PackCache::put(const std::string& name, Write&& write) {
  const std::string temporary = name + "." + std::to_string(::getpid()) + "." +
                                std::to_string(std::random_device{}()) + ".tmp";
  const std::string full = (path_ / name).string();
  const auto failed = [&](const char* what) {
    return error(Code::resource_exhausted, full + ": " + what + ": " + std::strerror(errno));
  };
  const int fd = ::openat(folder_, temporary.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed("cannot be made");
  Status status = write(fd, full);
  if (::close(fd) != 0 && status.ok()) status = failed("cannot be written");
  if (status.ok() && ::renameat(folder_, temporary.c_str(), folder_, name.c_str()) != 0)
    status = failed("cannot be renamed");
  if (!status.ok()) ::unlinkat(folder_, temporary.c_str(), 0);
  return status;
}

// Removes what was not used for longest until `wanted` more bytes fit. Only names that this class
// gives are looked at: whatever else is in the folder is somebody's own.
void PackCache::make_room(uint64_t wanted, const std::string& kept) {
  struct Item {
    std::string name;
    uint64_t bytes;
    int64_t used_ns;
  };
  std::vector<Item> items;
  uint64_t total = 0;
  std::error_code ec;
  for (fs::directory_iterator it(path_, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    const std::string kind = it->path().extension().string();
    struct stat info {};
    if ((kind != ".pack" && kind != ".sum" && kind != ".tmp") ||
        ::fstatat(folder_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
      continue;
    const int64_t used = int64_t(info.st_mtim.tv_sec) * kSecond + info.st_mtim.tv_nsec;
    if (kind == ".tmp") {
      if (used < now_ns() - kStaleNs) ::unlinkat(folder_, name.c_str(), 0);
      continue;
    }
    if (name == kept) continue;  // about to be replaced
    items.push_back({name, uint64_t(info.st_size), used});
    total += uint64_t(info.st_size);
  }
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.used_ns < b.used_ns; });
  for (const Item& item : items) {
    if (total + wanted <= budget_) return;
    if (::unlinkat(folder_, item.name.c_str(), 0) == 0) total -= item.bytes;
  }
}

}  // namespace serval::llm
