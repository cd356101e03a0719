// Reads the keys of one TOML table into fields, and gathers every error with its place.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/config/key_visitor.h"
#include "host/config/toml.h"

namespace serval::host {

// Errors of a whole configuration, in the order of the file.
class ErrorList {
 public:
  // key may be "". What it found and what it wants is the message.
  void add(const toml::source_region& place, std::string_view key, std::string message);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  std::string text() const;  // one error a line

 private:
  struct Entry {
    std::string file;
    uint32_t line, column;
    std::string text;
  };
  std::vector<Entry> entries_;
};

// "file:line:column"; for an override just "--set key=value".
std::string place_text(const toml::source_region& place);

// A quoted, shortened rendering of what the file holds, for messages.
std::string show_node(const toml::node& node);

// One visit over one table; finish() then refuses the keys that were not visited.
class TableReader final : public KeyVisitor {
 public:
  // prefix: the table's name and a dot. folder: what relative paths of the file are relative to.
  TableReader(const toml::table& table, std::string prefix, const std::filesystem::path& folder,
              ErrorList& errors)
      : table_(table), prefix_(std::move(prefix)), folder_(folder), errors_(errors) {}

  void boolean(std::string_view key, bool& field) override;
  void text(std::string_view key, std::string& field) override;
  void path(std::string_view key, std::string& field) override;
  void texts(std::string_view key, std::vector<std::string>& field) override;
  void choice(std::string_view key, std::string& field,
              std::span<const std::string_view> words) override;

  // A table below this one, or nullptr; also when it is there but no table, which is an error.
  const toml::table* table(std::string_view key);
  const toml::node* node(std::string_view key);

  void fail(const toml::node& node, std::string_view key, std::string message);
  void finish();

 protected:
  void number(std::string_view key, uint64_t& field, uint64_t low, uint64_t high,
              Unit unit) override;

 private:
  const toml::table& table_;
  const std::string prefix_;
  const std::filesystem::path& folder_;
  ErrorList& errors_;
  std::vector<std::string_view> known_;
};

}  // namespace serval::host
