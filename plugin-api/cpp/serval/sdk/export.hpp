// SERVAL_EXPORT_PLUGIN: the one exported symbol and the ELF note, from one line.
#pragma once

#include <iterator>
#include <type_traits>

#include "serval/sdk/trampolines.hpp"

// CPU features without which no code of the plugin may run, as "avx2,fma"; serval_add_plugin(CPU
// ...) sets it. A plugin that asks the CPU itself before using a feature needs none.
#ifndef SERVAL_PLUGIN_CPU
#define SERVAL_PLUGIN_CPU ""
#endif

// The oldest host minor version the plugin runs on.
#ifndef SERVAL_PLUGIN_MIN_HOST_MINOR
#define SERVAL_PLUGIN_MIN_HOST_MINOR 0
#endif

namespace serval::sdk {

struct About {
  const char* vendor = "";
  const char* license = "";  // SPDX
  const char* description = "";
};

namespace detail {

// Makes a P: P::create(Host), which may fail, or P(Host), or P().
template <class P>
Result<std::unique_ptr<Plugin>> make_plugin(Host host) {
  if constexpr (requires { P::create(host); })
    return P::create(host);
  else if constexpr (std::is_constructible_v<P, Host>)
    return std::make_unique<P>(host);
  else
    return std::make_unique<P>();
}

template <class P>
const serval_plugin* create(const serval_host* host, serval_error* error) noexcept {
  const serval_plugin* table = nullptr;
  static_cast<void>(answered(error, [&]() -> Status {
    if (host == nullptr || host->size < sizeof(host->size) + 2 * sizeof(uint16_t) ||
        host->abi_major != SERVAL_ABI_MAJOR)
      return Error{SERVAL_FAILED_PRECONDITION, "the host speaks another ABI version", {}};
    if (host->abi_minor < SERVAL_PLUGIN_MIN_HOST_MINOR || !SERVAL_HAS(host, beat))
      return Error{SERVAL_FAILED_PRECONDITION, "the host is too old: its table is too short", {}};
    Result<std::unique_ptr<Plugin>> plugin = make_plugin<P>(Host{host});
    if (!plugin) return plugin.error();
    table = &(new PluginBox(Host{host}, *std::move(plugin)))->table;
    return {};
  }));
  return table;
}

}  // namespace detail
}  // namespace serval::sdk

// Once a plugin, at global scope:
//   SERVAL_EXPORT_PLUGIN(Echo, "com.example.echo", "1.0.0", SERVAL_OPS("echo"),
//                        .vendor = "Example", .license = "Apache-2.0", .description = "...");
// Class: derived from sdk::Plugin. id: reverse domain name, at most 63 bytes. version: at most 31.
#define SERVAL_OPS(...) \
  { __VA_ARGS__ }
#define SERVAL_EXPORT_PLUGIN(Class, plugin_id, plugin_version, plugin_ops, ...)                   \
  SERVAL_PLUGIN_NOTE(plugin_id, plugin_version, SERVAL_PLUGIN_MIN_HOST_MINOR, SERVAL_PLUGIN_CPU); \
  namespace {                                                                                     \
  constexpr serval::sdk::About kServalAbout{__VA_ARGS__};                                         \
  constexpr const char* kServalOps[] = plugin_ops;                                                \
  constexpr serval_descriptor kServalDescriptor{sizeof(serval_descriptor),                        \
                                                uint32_t(std::size(kServalOps)),                  \
                                                plugin_id,                                        \
                                                plugin_version,                                   \
                                                kServalAbout.vendor,                              \
                                                kServalAbout.license,                             \
                                                kServalOps,                                       \
                                                kServalAbout.description};                        \
  }                                                                                               \
  constinit const serval_entry serval_entry_v1 {                                                  \
    SERVAL_MAGIC, SERVAL_ABI_MAJOR, SERVAL_ABI_MINOR, sizeof(serval_entry),                       \
        SERVAL_PLUGIN_MIN_HOST_MINOR, 0, &kServalDescriptor, &serval::sdk::detail::create<Class>  \
  }
