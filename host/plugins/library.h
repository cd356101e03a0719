// One plugin's shared object in this process.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "common/result.h"
#include "host/plugins/plugin_info.h"
#include "host/queue/log_sink.h"
#include "serval/plugin.h"

namespace serval::host {

// Loads from a private copy, so that replacing the file on disk neither changes running code nor
// makes a later load get the old one. Not copied, not moved. The destructor unmaps it and says in
// the log if it stays mapped all the same (a thread_local or a unique symbol of the plugin can do
// that). A plugin that finds further libraries relative to its own file ($ORIGIN) will not find
// them.
class Library {
 public:
  // Copies the file, checks that the copy is what was scanned (info.sha256) and loads it.
  // run_dir: an existing folder that only this user may enter, for the copy; "" for anonymous
  // memory. Errors: failed_precondition (not the file that was scanned, entry and note differ),
  // unavailable (no room for the copy, dlopen's own message).
  static Result<std::unique_ptr<Library>> load(const PluginInfo& info,
                                               const std::filesystem::path& run_dir, LogSink log);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const serval_entry& entry() const { return *entry_; }

 private:
  Library() = default;

  std::string name_;     // for the log
  std::string copy_;     // the path that was loaded
  std::string on_disk_;  // to be removed at the end, or ""
  int memory_fd_ = -1;   // stays open: its number is part of the path the loader remembers
  void* handle_ = nullptr;
  const serval_entry* entry_ = nullptr;
  LogSink log_;
};

// Is this an entry of ABI 1 whose descriptor can be read? The message says what is wrong.
Status check_entry(const serval_entry& entry);

}  // namespace serval::host
