#include "host/plugins/plugin_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/plugins/cpu_features.h"
#include "host/plugins/sha256.h"
#include "serval/plugin.h"

namespace serval::host {
namespace {

constexpr off_t kMaxFileBytes = off_t{1} << 30;

Error file_error(const std::filesystem::path& path, const char* what) {
  return error(Code::unavailable,
               path.string() + ": " + what + ": " + std::generic_category().message(errno));
}

Result<std::vector<std::byte>> read_all(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return file_error(path, "cannot be read");
  if (!S_ISREG(status.st_mode)) return invalid(path.string() + ": not a regular file");
  if (status.st_size > kMaxFileBytes)
    return error(Code::resource_exhausted, path.string() + ": over 1 GiB, too large for a plugin");
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, "cannot be read");
    if (got == 0) break;  // it has become shorter; the checks of its contents will tell
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> read_plugin_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO of that name must not hang.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return file_error(path, "cannot be opened");
  auto bytes = read_all(fd, path);
  close(fd);
  return bytes;
}

std::string check_note(const PluginNote& note,
                       const std::function<bool(std::string_view)>& has_feature) {
  if (note.abi_major != SERVAL_ABI_MAJOR)
    return "needs plugin ABI " + std::to_string(note.abi_major) + ", this host has " +
           std::to_string(SERVAL_ABI_MAJOR) + "; use a build of the plugin for ABI " +
           std::to_string(SERVAL_ABI_MAJOR);
  if (note.min_host_minor > SERVAL_ABI_MINOR)
    return "needs a host of ABI " + std::to_string(note.abi_major) + "." +
           std::to_string(note.min_host_minor) + " or later, this is " +
           std::to_string(SERVAL_ABI_MAJOR) + "." + std::to_string(SERVAL_ABI_MINOR) +
           "; update Serval or use an older plugin";
  std::string missing;
  for (const std::string& name : missing_features(note.cpu, has_feature)) {
    if (!missing.empty()) missing += ", ";
    missing += name;
  }
  if (!missing.empty())
    return "needs CPU features that this machine has not: " + missing +
           "; use a build of the plugin for this machine";
  return {};
}

void describe_plugin(const std::vector<std::byte>& file,
                     const std::function<bool(std::string_view)>& has_feature, PluginInfo& info) {
  auto hash = sha256_hex(file);
  if (!hash) {
    info.refusal = hash.error().message;
    return;
  }
  info.sha256 = std::move(*hash);
  auto note = read_plugin_note(file);
  if (!note) {
    info.refusal = note.error().message;
    return;
  }
  info.refusal = check_note(*note, has_feature);
  info.id = std::move(note->id);
  info.version = std::move(note->version);
  info.abi_major = note->abi_major;
  info.abi_minor = note->abi_minor;
  info.min_host_minor = note->min_host_minor;
  info.cpu = std::move(note->cpu);
}

}  // namespace serval::host
