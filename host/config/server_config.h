// Everything a user tunes, as one value. Defaults stand in the structs' initialisers, here and in
// the limit structs of the layers they belong to. docs/configuration.md lists every key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "host/models/make_registry.h"
#include "host/net/limits.h"
#include "host/queue/limits.h"

namespace serval::host {

// Where the server listens: a TCP address, or the path of a unix socket.
struct Address {
  std::string host;  // "127.0.0.1", "::1"; empty for a unix socket
  uint16_t port = 0;
  std::string unix_path;

  bool loopback() const;  // only this machine can reach it
  std::string text() const;
};

// "127.0.0.1:8080", "[::1]:8080", "unix:/run/serval.sock".
Result<Address> parse_address(std::string_view text);

struct ServerSection {
  std::vector<std::string> listen = {"127.0.0.1:8080"};
  std::vector<std::string> admin;  // empty: no admin API
  int threads = 1;                 // network threads
  uint64_t drain_notice_ns = 5ull * 1'000'000'000;
  uint64_t drain_timeout_ns = 30ull * 1'000'000'000;
  std::string cache_dir;  // empty: serval/ in the user's cache folder

  std::vector<Address> listen_addresses;  // `listen` and `admin`, parsed
  std::vector<Address> admin_addresses;
};

struct TlsSection {
  std::string cert;  // PEM files; both or none
  std::string key;
};

struct LimitsSection {
  NetLimits net;
  StreamLimits stream;  // low_bytes follows high_bytes
  QueueLimits queue;    // of each model that does not say otherwise
  int choices = 128;
  uint64_t audio_bytes = 512ull << 20;  // of a request with audio
  uint64_t response_bytes = 64ull << 20;
  uint64_t stall_ns = 60ull * 1'000'000'000;
  uint64_t model_drain_ns = 600ull * 1'000'000'000;
  uint64_t memory = 0;  // 0: what the machine has
  uint64_t memory_reserve = 256ull << 20;
  int metric_series = 1000;  // of one metric
};

struct AuthSection {
  std::string keys_file;  // empty: no keys, loopback only
};

struct LogSection {
  std::string level = "info";
  std::string format = "json";
  bool requests = true;  // one line a request
};

struct PluginsSection {
  std::string dir;          // empty: lib/serval/plugins beside the program's bin/
  bool check_owner = true;  // refuse files and folders that others may change
};

struct ModelSection {
  ModelSpec spec;
  std::string where;                          // "serval.toml:12", for messages
  std::map<std::string, std::string> places;  // JSON pointer into the config -> "file:line:column"
};

struct ServerConfig {
  ServerSection server;
  TlsSection tls;
  LimitsSection limits;
  AuthSection auth;
  LogSection log;
  PluginsSection plugins;
  std::vector<ModelSection> models;
};

// Relative paths in the file are relative to the file's folder, in --set to the working folder.
struct ConfigSource {
  std::filesystem::path file;      // empty: built-in defaults only
  std::vector<std::string> texts;  // "key=value" of each --set, later ones win
};

// Reads, overrides and checks. All errors are in the message, one a line:
// "file:line:column: key: what was found, what is wanted".
Result<ServerConfig> load_config(const ConfigSource& source);

// The same, with what could be read in spite of errors, so that a check can go on and name all.
struct ConfigDraft {
  ServerConfig config;    // keys with errors keep their defaults
  std::string errors;     // one a line; empty: none
  bool readable = false;  // it is TOML; else config is the default
};
// Fails only if the file cannot be read.
Result<ConfigDraft> draft_config(const ConfigSource& source);

// The same for a text in memory; `name` stands for the file in messages.
Result<ServerConfig> parse_config(std::string_view text, const std::string& name,
                                  const std::vector<std::string>& overrides = {});

// One key as it is documented.
struct KeyDescription {
  std::string key;      // "limits.body", "model.queue.items"
  std::string type;     // "size", "duration", "integer", "boolean", "text", "texts", "table"
  std::string initial;  // the default as one would write it, "" for none
  std::string range;    // "1KiB to 1GiB", "json | text", ""
};
std::vector<KeyDescription> describe_config();

}  // namespace serval::host
