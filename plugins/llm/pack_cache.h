// The folder in which packed weights stay from one start to the next.
//
//   <id>.pack    packed weights (pack_file.h); id: SHA-256 of the model's content and the layout
//   <stat>.sum   what a model's files hashed to; stat: SHA-256 of their device, inode, size and
//                times of last change (content and inode)
//   *.tmp        a file that is being written; renamed when it is complete and on the disk
// So the gigabytes of a model are hashed when they are first seen and after any write to them, and
// a start otherwise trusts what the file system says about their last change.
//
// Files belong to this process's user alone (0600 in a 0700 folder); what belongs to somebody else,
// or could be written by somebody else, is not read. Several processes may share a folder.
// Not thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/formats/gguf.h"
#include "plugins/llm/pack_file.h"

namespace serval::llm {

class PackCache {
 public:
  // Makes the folder if it is absent. budget: most bytes of all files together.
  // Errors: failed_precondition, permission_denied, saying what is wrong with the folder.
  static Result<PackCache> open(const std::filesystem::path& folder, uint64_t budget);

  PackCache(PackCache&& other) noexcept;
  PackCache& operator=(PackCache&& other) = delete;
  ~PackCache();

  // What the files hold, in this order: from a record of an earlier start, or by reading them all.
  // cancelled: asked now and then; true ends it with Code::cancelled.
  Result<Digest> content(std::span<const SourceFile> files, ThreadPool& pool,
                         const std::function<bool()>& cancelled);

  // The weights stored under this id. Errors: not_found; otherwise what is wrong with the file,
  // which is then removed.
  Result<PackFile> find(const Digest& id, std::size_t bytes, ThreadPool& pool);

  // A model's file as it was when it was opened.
  struct Source {
    std::filesystem::path path;
    FileStamp stamp;
  };

  // Stores weights made of these files; the ones that were not used for longest make room.
  // Errors: resource_exhausted if they do not fit into the budget or the disk; aborted if a file
  // was changed since it was opened; cancelled. Nothing is left of a file that failed.
  Status store(std::span<const Source> files, const Digest& id, std::span<const std::byte> payload,
               const std::stop_token& stop);

 private:
  PackCache(std::filesystem::path path, int folder, uint64_t budget)
      : path_(std::move(path)), folder_(folder), budget_(budget) {}

  Result<int> open_trusted(const std::string& name) const;
  std::optional<Digest> recorded(const std::string& name) const;
  template <class Write>
  Status put(const std::string& name, Write&& write);
  void make_room(uint64_t wanted, const std::string& kept);

  std::filesystem::path path_;
  int folder_;
  uint64_t budget_;
};

}  // namespace serval::llm
