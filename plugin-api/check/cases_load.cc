// The file, the entry and the tables; no model is opened.
#include <cstring>
#include <serval/ext/draft/adapters.h>
#include <serval/ext/schema.h>

#include "elf_file.h"
#include "process.h"
#include "schema_check.h"
#include "session.h"

namespace serval::check {
namespace {

ElfFile elf(Context& c) {
  const sdk::Result<ElfFile> file = read_elf(c.options.plugin);
  if (!file) c.stop(file.error().message);
  return *file;
}

void one_symbol(Context& c) {
  std::string found;
  int others = 0;
  bool entry = false;
  for (const std::string& symbol : elf(c).exports) {
    if (symbol == "serval_entry_v1")
      entry = true;
    else if (++others <= 5)
      found += " " + symbol;
  }
  c.expect(entry, "serval_entry_v1 is not exported");
  c.expect(others == 0, std::to_string(others) + " other symbols are exported:" + found +
                            "; link with serval_add_plugin or its version script");
}

void note_matches_entry(Context& c) {
  const ElfFile file = elf(c);
  if (file.notes.size() != 1)
    c.stop("want one Serval note in the file, found " + std::to_string(file.notes.size()));
  const serval_note& n = file.notes[0];
  const Library library(c);
  const serval_entry& e = library.entry();
  c.expect(n.magic == SERVAL_MAGIC, "the note's magic is wrong");
  c.expect(n.abi_major == e.abi_major && n.abi_minor == e.abi_minor,
           "the note's ABI version is not the entry's");
  c.expect(n.min_host_minor == e.min_host_minor, "the note's min_host_minor is not the entry's");
  c.expect(memchr(n.id, 0, sizeof(n.id)) != nullptr && std::string(n.id) == e.descriptor->id,
           "the note's id '" + std::string(n.id, strnlen(n.id, sizeof(n.id))) +
               "' is not the entry's '" + e.descriptor->id + "'");
  c.expect(memchr(n.version, 0, sizeof(n.version)) != nullptr &&
               std::string(n.version) == e.descriptor->version,
           "the note's version is not the entry's");
  c.expect(memchr(n.cpu, 0, sizeof(n.cpu)) != nullptr, "the note's cpu has no NUL");
}

void entry(Context& c) {
  const Library library(c);
  const serval_entry& e = library.entry();
  c.expect(e.magic == SERVAL_MAGIC, "the entry's magic is wrong");
  c.expect(e.abi_major == SERVAL_ABI_MAJOR,
           "serval_entry_v1 says ABI major " + std::to_string(e.abi_major));
  c.expect(e.size >= sizeof(serval_entry), "the entry's size is " + std::to_string(e.size) +
                                               ", less than ABI 1.0's " +
                                               std::to_string(sizeof(serval_entry)));
  if (c.failed()) return;
  c.expect(e.min_host_minor <= e.abi_minor, "min_host_minor is newer than the plugin's own header");
  c.expect(e.create != nullptr, "the entry has no create");
  if (e.descriptor == nullptr) c.stop("the entry has no descriptor");
  const serval_descriptor& d = *e.descriptor;
  if (d.size < sizeof(serval_descriptor)) c.stop("the descriptor's size is too small");
  for (const char* text : {d.id, d.version, d.vendor, d.license, d.description})
    if (text == nullptr) c.stop("a text of the descriptor is NULL");
  const std::string id = d.id;
  c.expect(!id.empty() && id.size() <= 63 && id.find('.') != std::string::npos &&
               id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == std::string::npos,
           "id '" + id + "' is not a reverse domain name of at most 63 bytes");
  c.expect(d.version[0] != '\0' && std::strlen(d.version) <= 31, "version: 1 to 31 bytes");
  c.expect(d.n_ops > 0, "the descriptor names no op");
  for (uint32_t i = 0; i < d.n_ops; ++i)
    c.expect(d.ops[i] != nullptr && d.ops[i][0] != '\0', "an op has no name");
}

void tables(Context& c) {
  Session s(c);
  const serval_plugin& p = s.plugin();
  if (p.size < sizeof(serval_plugin))
    c.stop("the plugin table's size is " + std::to_string(p.size) + ", less than ABI 1.0's " +
           std::to_string(sizeof(serval_plugin)));
  c.expect(p.destroy && p.get_ext && p.model_probe && p.model_open && p.model_start &&
               p.model_quiesce && p.model_close && p.model_signal && p.model_health,
           "a function of the plugin's table is NULL");
}

void unknown_extension(Context& c) {
  Session s(c);
  for (const char* id : {"", "x", "com.example.unknown/1", "serval.unknown/1", "serval.schema/2"})
    c.expect(s.plugin().get_ext(s.plugin().self, id) == nullptr,
             std::string("get_ext(\"") + id + "\") is not NULL");
}

void extension_id_exact(Context& c) {
  Session s(c);
  for (const std::string id : {SERVAL_EXT_SCHEMA, SERVAL_EXT_ADAPTERS})
    for (const std::string& wrong :
         {id + "0", id + " ", id + "x", id.substr(0, id.size() - 1), id.substr(0, id.size() - 2)})
      c.expect(s.plugin().get_ext(s.plugin().self, wrong.c_str()) == nullptr,
               "get_ext(\"" + wrong + "\") is not NULL");
}

void create_destroy(Context& c) {
  for (int i = 0; i < 100 && !c.failed(); ++i) Session s(c);
}

void host_minor_zero(Context& c) {
  Session s(c, {.abi_minor = 0});
  s.run();
}

// A host of the future: a higher minor version and a longer table.
void host_minor_future(Context& c) {
  Session s(c, {.abi_minor = 99, .table_size = sizeof(serval_host) + 128});
  s.run();
}

void short_host_table(Context& c) {
  for (const uint32_t size :
       {uint32_t(offsetof(serval_host, ctx)), uint32_t(offsetof(serval_host, pull)),
        uint32_t(offsetof(serval_host, beat))}) {
    const Library library(c);
    MiniHost host({.table_size = size});
    serval_error error{};
    error.size = sizeof(error);
    const serval_plugin* plugin = library.entry().create(host.table(), &error);
    if (plugin != nullptr)
      c.stop("create accepts a host table of " + std::to_string(size) + " bytes, short of ABI 1.0");
    c.expect(error.code != SERVAL_OK && error.message[0] != '\0',
             "create refuses a short host table without saying why");
  }
}

void schema(Context& c) {
  Session s(c);
  const auto* ext =
      static_cast<const serval_ext_schema*>(s.plugin().get_ext(s.plugin().self, SERVAL_EXT_SCHEMA));
  c.skip_unless(ext != nullptr, "the plugin has no " SERVAL_EXT_SCHEMA);
  const char* text = ext->model_config(s.plugin().self);
  if (text == nullptr) c.stop("the schema is NULL");
  const sdk::Result<sdk::Json> json = sdk::Json::parse(text);
  if (!json) c.stop("the schema is " + json.error().message);
  for (const std::string& problem : schema_problems(*json)) c.fail(problem);
}

void unmapped(Context& c) {
  { Session s(c); }
  c.expect(!is_mapped(c.options.plugin), "the file is still mapped after dlclose");
}

constexpr Case kCases[] = {
    {"load.one_symbol", "exports serval_entry_v1 and nothing else", one_symbol},
    {"load.note_matches_entry", "its ELF note says what its entry says", note_matches_entry},
    {"load.entry", "has a well-formed entry and descriptor", entry},
    {"load.tables", "fills its table completely", tables},
    {"load.unknown_extension", "answers NULL to ids it does not know", unknown_extension},
    {"load.extension_id_exact", "answers NULL to ids that only start like its own",
     extension_id_exact},
    {"load.create_destroy", "can be loaded and unloaded a hundred times", create_destroy},
    {"load.host_minor_zero", "runs on a host of ABI minor 0", host_minor_zero},
    {"load.host_minor_future", "runs on a host with a newer minor and a longer table",
     host_minor_future},
    {"load.short_host_table", "refuses a host table that ends too early, and does not read on",
     short_host_table},
    {"load.schema", "has a schema that is JSON and uses the supported keywords", schema},
    {"load.unmapped", "is gone from the process after dlclose", unmapped},
};

}  // namespace

std::span<const Case> load_cases() { return kCases; }

}  // namespace serval::check
