// A file of packed weights, to be mapped at the next start.
//
// Little-endian:
//   0     16  "serval packed 1\n"
//   16    32  id: whose weights, in which layout
//   48     8  bytes of the payload
//   56     8  checksum of the 56 bytes above and of the table
//   64   8*n  table: a checksum for each 4 MiB of the payload, the last one shorter
//   ...       zeros up to a multiple of 4096, then the payload, then the end of the file
// The checksums notice damage, not malice: whom a file comes from is PackCache's concern.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "common/mapped_file.h"
#include "common/result.h"
#include "common/sha256.h"
#include "common/thread_pool.h"

namespace serval::llm {

class PackFile {
 public:
  PackFile() = default;

  // Maps the file behind fd, which stays the caller's, and reads all of it once, with all threads
  // of the pool: about what the first token would have to read anyway. name: for errors.
  // Errors: data_loss if it is not exactly what write() makes of `bytes` bytes under this id.
  static Result<PackFile> map(int fd, const std::string& name, const Digest& id, std::size_t bytes,
                              ThreadPool& pool);

  // Writes to fd, an empty file, and on to the disk, piece by piece on this thread.
  // Errors: resource_exhausted; cancelled when `stop` asks for it.
  static Status write(int fd, const std::string& name, const Digest& id,
                      std::span<const std::byte> payload, const std::stop_token& stop);

  // Bytes of the whole file.
  static std::size_t file_bytes(std::size_t payload_bytes);

  // Page aligned; read-only. Empty if default-constructed.
  std::span<const std::byte> payload() const { return payload_; }

 private:
  MappedFile file_;
  std::span<const std::byte> payload_;
};

}  // namespace serval::llm
