// From TOML text to a checked ServerConfig.
#include <fstream>
#include <set>

#include "host/config/overrides.h"
#include "host/config/sections.h"
#include "host/config/toml_json.h"
#include "host/config/units.h"

namespace serval::host {
namespace {

namespace fs = std::filesystem;

class Loader {
 public:
  Loader(const toml::table& root, fs::path folder, ErrorList& errors)
      : root_(root), folder_(std::move(folder)), errors_(errors) {}

  ServerConfig load() {
    TableReader top(root_, "", folder_, errors_);
    section(top, "server", [&](TableReader& keys) {
      visit_server(keys, config_.server);
      addresses("listen", config_.server.listen, config_.server.listen_addresses);
      addresses("admin", config_.server.admin, config_.server.admin_addresses);
    });
    section(top, "tls", [&](TableReader& keys) {
      visit_tls(keys, config_.tls);
      if (config_.tls.cert.empty() != config_.tls.key.empty())
        errors_.add(place_of("tls"), "tls", "found only one of cert and key, want both or none");
    });
    section(top, "limits", [&](TableReader& keys) {
      visit_limits(keys, config_.limits);
      // A parked stream goes on when a quarter is left: few wake-ups, and the reader never waits.
      config_.limits.stream.low_bytes = config_.limits.stream.high_bytes / 4;
    });
    section(top, "auth", [&](TableReader& keys) { visit_auth(keys, config_.auth); });
    section(top, "log", [&](TableReader& keys) { visit_log(keys, config_.log); });
    section(top, "plugins", [&](TableReader& keys) { visit_plugins(keys, config_.plugins); });
    models(top);
    top.finish();
    check_public("listen", config_.server.listen_addresses);
    check_public("admin", config_.server.admin_addresses);
    return std::move(config_);
  }

 private:
  template <class Visit>
  void section(TableReader& top, std::string_view name, Visit visit) {
    static const toml::table kEmpty;
    const toml::table* table = top.table(name);
    TableReader keys(table == nullptr ? kEmpty : *table, std::string(name) + ".", folder_, errors_);
    visit(keys);
    keys.finish();
  }

  toml::source_region place_of(std::string_view section, std::string_view key = {}) const {
    const toml::node* node = root_.get(section);
    if (node != nullptr && node->is_table() && !key.empty()) {
      const toml::node* inner = node->as_table()->get(key);
      if (inner != nullptr) node = inner;
    }
    return node == nullptr ? toml::source_region{} : node->source();
  }

  void addresses(std::string_view key, const std::vector<std::string>& texts,
                 std::vector<Address>& out) {
    std::set<std::string> seen;
    for (const std::string& text : texts) {
      Result<Address> address = parse_address(text);
      const std::string name = "server." + std::string(key);
      if (!address)
        errors_.add(place_of("server", key), name, address.error().message);
      else if (!seen.insert(address->text()).second && address->port != 0)
        errors_.add(place_of("server", key), name, "found \"" + text + "\" twice");
      else
        out.push_back(std::move(*address));
    }
    if (texts.empty() && key == "listen")
      errors_.add(place_of("server", key), "server.listen", "found none, want an address");
  }

  void check_public(std::string_view key, const std::vector<Address>& all) {
    if (!config_.auth.keys_file.empty()) return;
    for (const Address& address : all)
      if (!address.loopback())
        errors_.add(place_of("server", key), "server." + std::string(key),
                    "found \"" + address.text() +
                        "\", which other machines can reach, but no auth.keys_file: want a "
                        "loopback address, or a file of keys");
  }

  void models(TableReader& top) {
    const toml::node* node = top.node("model");
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      errors_.add(node->source(), "model", "found " + show_node(*node) + ", want [[model]] tables");
      return;
    }
    std::map<std::string, std::string> names;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::node& item = *array->get(i);
      if (const toml::table* table = item.as_table())
        model(*table, i, names);
      else
        errors_.add(item.source(), "model", "found " + show_node(item) + ", want a table");
    }
  }

  void model(const toml::table& table, std::size_t index,
             std::map<std::string, std::string>& names) {
    const std::string prefix = "model." + std::to_string(index) + ".";
    ModelSection model;
    model.spec.queue = config_.limits.queue;
    TableReader keys(table, prefix, folder_, errors_);
    visit_model(keys, model.spec);
    if (const toml::table* queue = keys.table("queue")) {
      TableReader inner(*queue, prefix + "queue.", folder_, errors_);
      visit_queue(inner, model.spec.queue);
      inner.finish();
    }
    if (const toml::table* config = keys.table("config"))
      model.spec.config_json = toml_to_json(*config, prefix + "config.", model.places, errors_);
    keys.finish();

    model.where = place_text(table.source());
    if (model.where.empty()) model.where = "--set model." + std::to_string(index);
    check_name(table, prefix, model, names);
    if (model.spec.path.empty())
      errors_.add(table.source(), prefix + "path", "missing, want a model file or folder");
    config_.models.push_back(std::move(model));
  }

  void check_name(const toml::table& table, const std::string& prefix, const ModelSection& model,
                  std::map<std::string, std::string>& names) {
    const std::string& name = model.spec.name;
    const toml::node* node = table.get("name");
    const toml::source_region& place = node == nullptr ? table.source() : node->source();
    if (node == nullptr) {
      errors_.add(place, prefix + "name", "missing, want the name that clients use");
      return;
    }
    bool good = !name.empty() && name.size() <= 128;
    for (const unsigned char c : name) good = good && c > 0x20 && c < 0x7f && c != '"';
    if (!good) {
      errors_.add(place, prefix + "name",
                  "found " + show_node(*node) +
                      ", want 1 to 128 printable ASCII characters without space and quote");
      return;
    }
    const auto [first, fresh] = names.emplace(name, model.where);
    if (!fresh)
      errors_.add(
          place, prefix + "name",
          "found \"" + name + "\" again, want a name of its own; first at " + first->second);
  }

  const toml::table& root_;
  const fs::path folder_;
  ErrorList& errors_;
  ServerConfig config_;
};

Result<std::string> read_file(const fs::path& path) {
  std::error_code bad;
  if (!fs::exists(path, bad))
    return error(Code::not_found, path.string() + ": there is no such file");
  if (!fs::is_regular_file(path, bad)) return invalid(path.string() + ": not a file");
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char block[1 << 16];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, std::size_t(in.gcount()));
    if (text.size() > (1u << 20)) break;  // the check of the text says so
  }
  if (!in.eof() && text.size() <= (1u << 20)) return invalid(path.string() + ": cannot be read");
  return text;
}

ConfigDraft build(std::string_view text, const std::string& name, const fs::path& folder,
                  const std::vector<std::string>& overrides) {
  ConfigDraft draft;
  if (std::string why = unreasonable(text); !why.empty()) {
    draft.errors = (name.empty() ? "" : name + ": ") + "the configuration " + why;
    return draft;
  }
  ParsedToml parsed = parse_toml(text, name);
  ErrorList errors;
  if (!parsed.ok()) {
    errors.add(parsed.place, "", parsed.problem);
    draft.errors = errors.text();
    return draft;
  }
  for (const std::string& one : overrides) apply_override(parsed.root, one, errors);
  draft.config = Loader(parsed.root, folder, errors).load();
  draft.readable = true;
  draft.errors = errors.text();
  return draft;
}

Result<ServerConfig> whole(ConfigDraft draft) {
  if (!draft.errors.empty()) return invalid(std::move(draft.errors));
  return std::move(draft.config);
}

}  // namespace

Result<ConfigDraft> draft_config(const ConfigSource& source) {
  if (source.file.empty()) return build("", "", "", source.texts);
  Result<std::string> text = read_file(source.file);
  if (!text) return text.error();
  std::error_code bad;
  const fs::path folder = fs::absolute(source.file, bad).parent_path();
  return build(*text, source.file.string(), folder, source.texts);
}

Result<ServerConfig> load_config(const ConfigSource& source) {
  Result<ConfigDraft> draft = draft_config(source);
  if (!draft) return draft.error();
  return whole(std::move(*draft));
}

Result<ServerConfig> parse_config(std::string_view text, const std::string& name,
                                  const std::vector<std::string>& overrides) {
  return whole(build(text, name, "", overrides));
}

}  // namespace serval::host
