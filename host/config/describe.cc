// The list of all keys, as the documentation shows it.
#include <utility>

#include "host/config/sections.h"
#include "host/config/units.h"

namespace serval::host {
namespace {

std::string show(uint64_t value, KeyVisitor::Unit unit) {
  switch (unit) {
    case KeyVisitor::Unit::bytes:
      return format_size(value);
    case KeyVisitor::Unit::time:
      return format_duration(value);
    default:
      return std::to_string(value);
  }
}

class Lister final : public KeyVisitor {
 public:
  std::vector<KeyDescription> keys;
  std::string table;

  void boolean(std::string_view key, bool& field) override {
    add(key, "boolean", field ? "true" : "false", "");
  }
  void text(std::string_view key, std::string& field) override { add(key, "text", field, ""); }
  void path(std::string_view key, std::string& field) override { add(key, "path", field, ""); }
  void texts(std::string_view key, std::vector<std::string>& field) override {
    add(key, "texts", field.empty() ? "" : field.front(), "");
  }
  void choice(std::string_view key, std::string& field,
              std::span<const std::string_view> words) override {
    std::string all;
    for (const std::string_view word : words) (all += all.empty() ? "" : ", ") += word;
    add(key, "text", field, all);
  }

 protected:
  void number(std::string_view key, uint64_t& field, uint64_t low, uint64_t high,
              Unit unit) override {
    static constexpr const char* kTypes[] = {"integer", "size", "duration"};
    add(key, kTypes[int(unit)], show(field, unit), show(low, unit) + " to " + show(high, unit));
  }

 private:
  void add(std::string_view key, std::string type, std::string initial, std::string range) {
    keys.push_back(
        {table + std::string(key), std::move(type), std::move(initial), std::move(range)});
  }
};

}  // namespace

std::vector<KeyDescription> describe_config() {
  ServerConfig config;
  ModelSpec model;
  Lister list;
  list.table = "server.";
  visit_server(list, config.server);
  list.table = "tls.";
  visit_tls(list, config.tls);
  list.table = "limits.";
  visit_limits(list, config.limits);
  list.table = "auth.";
  visit_auth(list, config.auth);
  list.table = "log.";
  visit_log(list, config.log);
  list.table = "plugins.";
  visit_plugins(list, config.plugins);
  list.table = "model.";
  visit_model(list, model);
  list.table = "model.queue.";
  visit_queue(list, model.queue);
  list.keys.push_back({"model.config", "table", "", ""});
  return std::move(list.keys);
}

}  // namespace serval::host
