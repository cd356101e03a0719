#include "host/config/sections.h"

namespace serval::host {
namespace {

constexpr uint64_t kKiB = 1ull << 10, kMiB = 1ull << 20, kGiB = 1ull << 30, kTiB = 1ull << 40;
constexpr uint64_t kHour = 3600, kDay = 24 * kHour;

}  // namespace

void visit_server(KeyVisitor& keys, ServerSection& s) {
  keys.texts("listen", s.listen);
  keys.texts("admin", s.admin);
  keys.integer("threads", s.threads, 1, 256);
  keys.duration("drain_notice", s.drain_notice_ns, 0, kHour);
  keys.duration("drain_timeout", s.drain_timeout_ns, 0, kDay);
  keys.path("cache_dir", s.cache_dir);
}

void visit_tls(KeyVisitor& keys, TlsSection& s) {
  keys.path("cert", s.cert);
  keys.path("key", s.key);
}

void visit_limits(KeyVisitor& keys, LimitsSection& s) {
  keys.integer("connections", s.net.connections, 1, 1'000'000);
  keys.integer("connections_per_address", s.net.connections_per_address, 1, 1'000'000);
  keys.duration("handshake", s.net.handshake, 1, kHour);
  keys.size("target", s.net.target_bytes, 256, kMiB);
  keys.size("header", s.net.header_bytes, kKiB, kMiB);
  keys.integer("header_fields", s.net.header_fields, 8, 10'000);
  keys.duration("header_time", s.net.header, 1, kHour);
  keys.size("body", s.net.body_bytes, kKiB, 64 * kGiB);
  keys.size("audio_upload", s.audio_bytes, kKiB, 64 * kGiB);
  keys.duration("body_grace", s.net.body_grace, 1, kHour);
  keys.size("min_body_rate", s.net.body_rate, 1, kGiB);
  keys.duration("idle", s.net.idle, 1, kDay);
  keys.duration("write_time", s.net.write, 1, kHour);
  keys.duration("ping", s.net.ping, 1, kHour);
  keys.size("write_batch", s.net.write_batch_bytes, kKiB, 16 * kMiB);
  keys.size("response", s.response_bytes, kKiB, 64 * kGiB);
  keys.integer("choices", s.choices, 1, 1024);
  keys.size("stream_buffer", s.stream.high_bytes, 4 * kKiB, kGiB);
  keys.duration("slow_client", s.stream.slow_client_ns, 1, kDay);
  keys.size("event", s.stream.max_event_bytes, kKiB, kGiB);
  keys.integer("outputs", s.stream.max_index, 1, 1'000'000);
  keys.integer("queue_items", s.queue.items, 1, 1'000'000);
  keys.size("queue_bytes", s.queue.bytes, kKiB, kTiB);
  keys.integer("queue_items_per_tenant", s.queue.items_per_tenant, 0, 1'000'000);
  keys.duration("queue_wait", s.queue.max_wait_ns, 0, kDay);
  keys.duration("stall", s.stall_ns, 1, kDay);
  keys.duration("model_drain", s.model_drain_ns, 0, kDay);
  keys.size("memory", s.memory, 0, 1024 * kTiB);
  keys.size("memory_reserve", s.memory_reserve, 0, 1024 * kTiB);
  keys.integer("metric_series", s.metric_series, 10, 1'000'000);
}

void visit_auth(KeyVisitor& keys, AuthSection& s) { keys.path("keys_file", s.keys_file); }

void visit_log(KeyVisitor& keys, LogSection& s) {
  static constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
  static constexpr std::string_view kFormats[] = {"json", "text"};
  keys.choice("level", s.level, kLevels);
  keys.choice("format", s.format, kFormats);
  keys.boolean("requests", s.requests);
}

void visit_plugins(KeyVisitor& keys, PluginsSection& s) {
  keys.path("dir", s.dir);
  keys.boolean("check_owner", s.check_owner);
}

void visit_model(KeyVisitor& keys, ModelSpec& s) {
  static constexpr std::string_view kSwaps[] = {"availability", "resource"};
  keys.text("name", s.name);
  keys.text("plugin", s.plugin);
  keys.path("path", s.path);
  std::string swap(kSwaps[s.swap == SwapPolicy::resource]);
  keys.choice("swap", swap, kSwaps);
  s.swap = swap == kSwaps[1] ? SwapPolicy::resource : SwapPolicy::availability;
  keys.boolean("autoload", s.autoload);
}

void visit_queue(KeyVisitor& keys, QueueLimits& q) {
  keys.integer("items", q.items, 1, 1'000'000);
  keys.size("bytes", q.bytes, kKiB, kTiB);
  keys.integer("items_per_tenant", q.items_per_tenant, 0, 1'000'000);
  keys.duration("wait", q.max_wait_ns, 0, kDay);
}

}  // namespace serval::host
