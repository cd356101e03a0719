#include "host/plugins/scan.h"

#include <algorithm>
#include <map>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "host/plugins/cpu_features.h"
#include "host/plugins/plugin_file.h"

namespace serval::host {
namespace {

namespace fs = std::filesystem;

// Who else could change this? "" if nobody but root and this user.
std::string open_to_others(const struct stat& status, const std::string& path) {
  if (status.st_uid != 0 && status.st_uid != geteuid())
    return "owned by user " + std::to_string(status.st_uid) +
           ", who is neither root nor this server's user; run: chown root " + path;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "group or others may write to it; run: chmod go-w " + path;
  return {};
}

bool inside(const fs::path& directory, const fs::path& file) {
  const auto [rest, unused] =
      std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return rest == directory.end();
}

// Refusal for what the file is, before its bytes are looked at.
std::string check_place(const fs::path& directory, const fs::path& path,
                        const ScanOptions& options) {
  std::error_code ec;
  const fs::path target = fs::canonical(path, ec);
  if (ec) return "cannot be resolved: " + ec.message() + "; remove the broken link";
  if (!inside(directory, target))
    return "a link to " + target.string() +
           " outside of the plugin directory; copy the file instead";
  struct stat status {};
  if (stat(target.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return "not a regular file; remove it";
  return options.check_owner ? open_to_others(status, path.string()) : std::string{};
}

bool is_candidate(const fs::path& path) {
  // An installer writes to a hidden name and renames; such a file is not complete yet.
  return path.extension() == ".so" && path.filename().native().front() != '.';
}

void refuse_duplicates(std::vector<PluginInfo>& infos) {
  std::map<std::string, const PluginInfo*> first;
  for (PluginInfo& info : infos) {
    if (!info.accepted()) continue;
    const auto [it, is_first] = first.emplace(info.id, &info);
    if (!is_first)
      info.refusal = "the id " + info.id + " is taken by " + it->second->path.filename().string() +
                     "; remove one of the two files";
  }
}

}  // namespace

Result<std::vector<PluginInfo>> scan_plugins(const fs::path& given, const ScanOptions& options) {
  std::error_code ec;
  const fs::path directory = fs::canonical(given, ec);
  struct stat status {};
  if (ec || stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return error(Code::not_found, "plugin directory " + given.string() + ": " +
                                      (ec ? ec.message() : std::string("not a directory")));
  if (options.check_owner) {
    if (std::string why = open_to_others(status, directory.string()); !why.empty())
      return error(Code::permission_denied, "plugin directory " + directory.string() + ": " + why);
  }
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec)) {
    if (is_candidate(it->path())) paths.push_back(it->path());
  }
  if (ec)
    return error(Code::unavailable, "plugin directory " + directory.string() + ": " + ec.message());
  std::sort(paths.begin(), paths.end());

  const auto has = options.cpu_has ? options.cpu_has : cpu_has;
  std::vector<PluginInfo> infos;
  for (const fs::path& path : paths) {
    PluginInfo& info = infos.emplace_back();
    info.path = path;
    info.refusal = check_place(directory, path, options);
    if (!info.accepted()) continue;
    auto bytes = read_plugin_file(path);
    if (bytes) {
      describe_plugin(*bytes, has, info);
    } else {
      info.refusal = bytes.error().message;
    }
  }
  refuse_duplicates(infos);
  return infos;
}

}  // namespace serval::host
