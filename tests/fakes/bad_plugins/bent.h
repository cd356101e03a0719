// Bad plugins made of a good one: the echo example, seeing a host's table in which something is
// bent, or seen through a plugin's table in which something is bent. Each fake breaks one rule.
#pragma once

#include <algorithm>
#include <cstring>
#include <serval/plugin.h>
#include <string>

extern const serval_entry good_entry;  // the echo example's entry, under another name

namespace bent {

inline const serval_host* real = nullptr;  // the host's own table
inline serval_host host;                   // the copy the good plugin sees
inline serval_plugin good;                 // the good plugin's own table
inline serval_plugin plugin;               // the copy the host sees

inline const serval_plugin* create(const serval_host* theirs, serval_error* error, void (*bend)()) {
  real = theirs;
  host = {};
  std::memcpy(&host, theirs, std::min<std::size_t>(theirs->size, sizeof(host)));
  plugin = {};
  bend();  // host; plugin only shows which functions to replace
  const serval_plugin bends = plugin;
  const serval_plugin* made = good_entry.create(&host, error);
  if (made == nullptr) return nullptr;
  good = plugin = *made;
  if (bends.size != 0) plugin.size = bends.size;
  if (bends.get_ext != nullptr) plugin.get_ext = bends.get_ext;
  if (bends.model_open != nullptr) plugin.model_open = bends.model_open;
  if (bends.model_health != nullptr) plugin.model_health = bends.model_health;
  if (bends.model_signal != nullptr) plugin.model_signal = bends.model_signal;
  return &plugin;
}

inline bool cancelled(const serval_request* request) {
  return SERVAL_CANCEL_REASON(real->view(request)) != SERVAL_CANCEL_NONE;
}

}  // namespace bent

// The exported entry of a fake: its argument, a function, changes bent::host and names replacements
// in bent::plugin.
#define FAKE_PLUGIN(...)                 \
  const serval_entry serval_entry_v1 = { \
      SERVAL_MAGIC,                      \
      SERVAL_ABI_MAJOR,                  \
      SERVAL_ABI_MINOR,                  \
      sizeof(serval_entry),              \
      0,                                 \
      0,                                 \
      good_entry.descriptor,             \
      [](const serval_host* h, serval_error* e) { return bent::create(h, e, __VA_ARGS__); }};
