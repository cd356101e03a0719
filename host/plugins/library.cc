#include "host/plugins/library.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "host/plugins/plugin_file.h"
#include "host/plugins/sha256.h"

namespace serval::host {
namespace {

constexpr uint32_t kMaxOps = 64;

Error system_error(Code code, const std::string& what) {
  return error(code, what + ": " + std::generic_category().message(errno));
}

bool write_all(int fd, const std::vector<std::byte>& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

Status copy_to_memory(const std::vector<std::byte>& bytes, int& fd, std::string& path) {
  fd = memfd_create("serval-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return system_error(Code::unavailable, "no memory file for the plugin");
  if (!write_all(fd, bytes))
    return system_error(Code::unavailable, "the plugin's copy cannot be written");
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return system_error(Code::unavailable, "the plugin's copy cannot be sealed");
  path = "/proc/self/fd/" + std::to_string(fd);
  return {};
}

Status copy_to_folder(const std::vector<std::byte>& bytes, const std::filesystem::path& folder,
                      std::string& path) {
  static std::atomic<uint64_t> count{0};
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return error(Code::unavailable, folder.string() + ": not a folder for plugin copies");
  if (status.st_uid != geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return error(
        Code::permission_denied,
        folder.string() + ": must belong to this user alone; run: chmod 700 " + folder.string());
  path = (folder / (std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1)) + ".so"))
             .string();
  unlink(path.c_str());  // left over by a process of that number
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0500);
  if (fd < 0) return system_error(Code::unavailable, path + ": cannot be made");
  const bool written = write_all(fd, bytes);
  const Status result =
      written ? Status{} : system_error(Code::unavailable, path + ": cannot be written");
  close(fd);
  return result;
}

std::string loader_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "unknown reason";
}

bool same(const char* entry, const std::string& note) { return entry != nullptr && note == entry; }

}  // namespace

Status check_entry(const serval_entry& entry) {
  if (entry.magic != SERVAL_MAGIC) return invalid("serval_entry_v1 has a wrong magic number");
  if (entry.abi_major != SERVAL_ABI_MAJOR)
    return invalid("serval_entry_v1 is of ABI " + std::to_string(entry.abi_major));
  if (!SERVAL_HAS(&entry, create)) return invalid("serval_entry_v1 is too short");
  if (entry.min_host_minor > SERVAL_ABI_MINOR) return invalid("serval_entry_v1 needs a newer host");
  if (entry.create == nullptr || entry.descriptor == nullptr)
    return invalid("serval_entry_v1 lacks its descriptor or create");
  const serval_descriptor& who = *entry.descriptor;
  if (!SERVAL_HAS(&who, description)) return invalid("the descriptor is too short");
  if (who.id == nullptr || who.version == nullptr || who.vendor == nullptr ||
      who.license == nullptr || who.description == nullptr)
    return invalid("the descriptor lacks a text");
  if (who.id[0] == 0 || std::strlen(who.id) > 63) return invalid("the id is empty or too long");
  if (who.n_ops == 0 || who.n_ops > kMaxOps || who.ops == nullptr)
    return invalid("the descriptor names no operation, or over " + std::to_string(kMaxOps));
  for (uint32_t i = 0; i < who.n_ops; ++i) {
    if (who.ops[i] == nullptr || who.ops[i][0] == 0)
      return invalid("an operation of the descriptor has no name");
  }
  return {};
}

Result<std::unique_ptr<Library>> Library::load(const PluginInfo& info,
                                               const std::filesystem::path& run_dir, LogSink log) {
  auto bytes = read_plugin_file(info.path);
  if (!bytes) return bytes.error();
  auto hash = sha256_hex(*bytes);
  if (!hash) return hash.error();
  if (*hash != info.sha256)
    return error(Code::failed_precondition,
                 "the file has changed since it was looked at; start again when it is complete");

  std::unique_ptr<Library> library(new Library);
  library->name_ = info.path.string();
  library->log_ = std::move(log);
  Status copied;
  if (run_dir.empty()) {
    copied = copy_to_memory(*bytes, library->memory_fd_, library->copy_);
  } else {
    copied = copy_to_folder(*bytes, run_dir, library->copy_);
    library->on_disk_ = library->copy_;
  }
  if (!copied) return copied.error();
  // What is loaded is hashed once more: the copy may have gone wrong, too.
  auto copy = read_plugin_file(library->copy_);
  if (!copy) return copy.error();
  if (auto again = sha256_hex(*copy); !again || *again != info.sha256)
    return error(Code::failed_precondition, "the private copy differs from the file");

  library->handle_ = dlopen(library->copy_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle_ == nullptr)
    return error(Code::unavailable, "cannot be loaded: " + loader_error() +
                                        "; install what it needs or build it again");
  library->entry_ = static_cast<const serval_entry*>(dlsym(library->handle_, "serval_entry_v1"));
  if (library->entry_ == nullptr)
    return error(Code::failed_precondition,
                 "exports no serval_entry_v1; build it with SERVAL_EXPORT as the examples do");
  if (Status status = check_entry(*library->entry_); !status) return status.error();
  const serval_descriptor& who = *library->entry_->descriptor;
  if (!same(who.id, info.id) || !same(who.version, info.version) ||
      library->entry_->min_host_minor != info.min_host_minor)
    return error(Code::failed_precondition,
                 "its ELF note and its serval_entry_v1 differ in id, version or min_host_minor; "
                 "build it again");
  return library;
}

Library::~Library() {
  bool retained = false;
  if (handle_ != nullptr) {
    dlclose(handle_);
    if (void* still = dlopen(copy_.c_str(), RTLD_NOW | RTLD_NOLOAD); still != nullptr) {
      dlclose(still);
      retained = true;
    }
  }
  if (!on_disk_.empty()) unlink(on_disk_.c_str());
  if (retained) {
    // The descriptor stays open: a new file under its number would be taken for the old library.
    const LogField field{"plugin", name_};
    if (log_)
      log_(SERVAL_LOG_WARN,
           "the plugin stays mapped after its unload; its memory is not given back", {&field, 1});
  } else if (memory_fd_ >= 0) {
    close(memory_fd_);
  }
}

}  // namespace serval::host
