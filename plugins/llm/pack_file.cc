#include "plugins/llm/pack_file.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace serval::llm {
namespace {

constexpr std::size_t kChunk = std::size_t(4) << 20;
constexpr std::size_t kPage = 4096;

struct Header {
  char magic[16];
  Digest id;
  uint64_t payload_bytes;
  uint64_t checksum;
};
static_assert(sizeof(Header) == 64);
constexpr char kMagic[] = "serval packed 1\n";
constexpr std::size_t kSummed = offsetof(Header, checksum);

// Four independent chains, so that a core adds up bytes as fast as memory gives them. Each step
// maps both the sum and the word one to one: a single wrong word always shows.
uint64_t checksum(std::span<const std::byte> bytes, uint64_t seed = 0) {
  constexpr uint64_t kPrime = 0x9E3779B185EBCA87;
  uint64_t lanes[4] = {seed + 1, seed + 2, seed + 3, seed + bytes.size()};
  const auto step = [](uint64_t sum, uint64_t word) {
    return std::rotl((sum ^ word) * kPrime, 29);
  };
  for (; bytes.size() >= 32; bytes = bytes.subspan(32)) {
    uint64_t words[4];
    std::memcpy(words, bytes.data(), 32);
    for (int i = 0; i < 4; ++i) lanes[i] = step(lanes[i], words[i]);
  }
  uint64_t rest[4] = {};
  if (!bytes.empty()) std::memcpy(rest, bytes.data(), bytes.size());
  uint64_t sum = 0;
  for (int i = 0; i < 4; ++i) sum = step(step(sum, lanes[i]), rest[i]);
  return sum ^ sum >> 32;
}

std::size_t chunk_count(std::size_t bytes) { return (bytes + kChunk - 1) / kChunk; }

std::size_t payload_at(std::size_t bytes) {
  return (sizeof(Header) + chunk_count(bytes) * sizeof(uint64_t) + kPage - 1) / kPage * kPage;
}

std::span<const std::byte> chunk(std::span<const std::byte> payload, std::size_t i) {
  return payload.subspan(i * kChunk, std::min(kChunk, payload.size() - i * kChunk));
}

uint64_t header_checksum(const Header& header, std::span<const std::byte> table) {
  return checksum(table, checksum(std::as_bytes(std::span(&header, 1)).first(kSummed)));
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(std::size_t(put));
  }
  return true;
}

}  // namespace

std::size_t PackFile::file_bytes(std::size_t payload_bytes) {
  return payload_at(payload_bytes) + payload_bytes;
}

Result<PackFile> PackFile::map(int fd, const std::string& name, const Digest& id, std::size_t bytes,
                               ThreadPool& pool) {
  const auto damaged = [&](const char* what) { return error(Code::data_loss, name + ": " + what); };
  Result<MappedFile> file = MappedFile::map(fd, name);
  if (!file) return file.error();
  PackFile pack;
  pack.file_ = std::move(*file);
  const std::span<const std::byte> all = pack.file_.bytes();
  if (all.size() != file_bytes(bytes)) return damaged("has a wrong size");
  Header header;
  std::memcpy(&header, all.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof header.magic) != 0 || header.payload_bytes != bytes)
    return damaged("is not a file of packed weights");
  if (header.id != id) return damaged("holds the weights of another model");
  const std::size_t chunks = chunk_count(bytes);
  const auto table = all.subspan(sizeof header, chunks * sizeof(uint64_t));
  if (header.checksum != header_checksum(header, table)) return damaged("has a damaged header");
  pack.payload_ = all.subspan(payload_at(bytes));
  // Both are wishes: huge pages where the file system has them, and reading ahead.
  ::madvise(const_cast<std::byte*>(all.data()), all.size(), MADV_HUGEPAGE);
  ::madvise(const_cast<std::byte*>(all.data()), all.size(), MADV_WILLNEED);
  std::vector<uint64_t> sums(chunks);
  pool.run(int(chunks),
           [&](int i) { sums[std::size_t(i)] = checksum(chunk(pack.payload_, std::size_t(i))); });
  if (!std::ranges::equal(std::as_bytes(std::span(sums)), table)) return damaged("is damaged");
  return pack;
}

Status PackFile::write(int fd, const std::string& name, const Digest& id,
                       std::span<const std::byte> payload, const std::stop_token& stop) {
  const auto failed = [&](int reason) {
    return error(Code::resource_exhausted, name + ": cannot be written: " + std::strerror(reason));
  };
  const auto cancelled = [&] { return error(Code::cancelled, name + ": not wanted any more"); };
  std::vector<uint64_t> sums(chunk_count(payload.size()));
  for (std::size_t i = 0; i < sums.size() && !stop.stop_requested(); ++i)
    sums[i] = checksum(chunk(payload, i));
  const auto table = std::as_bytes(std::span(sums));
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof header.magic);
  header.id = id;
  header.payload_bytes = payload.size();
  header.checksum = header_checksum(header, table);
  std::vector<std::byte> front(payload_at(payload.size()));
  std::memcpy(front.data(), &header, sizeof header);
  if (!table.empty()) std::memcpy(front.data() + sizeof header, table.data(), table.size());
  // A full disk is noticed before anything is written, where the file system can tell.
  const int reserved = ::posix_fallocate(fd, 0, off_t(file_bytes(payload.size())));
  if (reserved == ENOSPC || reserved == EFBIG) return failed(reserved);
  if (!write_all(fd, front)) return failed(errno);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (stop.stop_requested()) return cancelled();
    if (!write_all(fd, chunk(payload, i))) return failed(errno);
    // Waits for the disk as it goes along: one long wait at the end could not be stopped. Only a
    // wish; fsync below is what counts.
    const off_t at = off_t(front.size() + i * kChunk);
    ::sync_file_range(fd, at, off_t(chunk(payload, i).size()),
                      SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  }
  if (stop.stop_requested()) return cancelled();
  if (::fsync(fd) != 0) return failed(errno);
  return {};
}

}  // namespace serval::llm
