#include "fake_plugin.h"

#include <cstring>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "common/json.h"
#include "fake_model.h"
#include "serval/ext/progress.h"
#include "serval/ext/schema.h"

namespace serval::fakes {
namespace {

struct Plugin {
  serval_plugin table{};
  const serval_host* host = nullptr;
  bool other = false;
};

std::string_view text(serval_str s) { return {s.p, s.n}; }

serval_status fail(serval_error* error, serval_status code, const char* message) {
  error->code = code;
  std::strncpy(error->message, message, sizeof error->message - 1);
  return code;
}

void destroy(void* self) {
  switches().destroyed.fetch_add(1);
  delete static_cast<Plugin*>(self);
}

const char* config_schema(void*) {
  return R"({"type":"object","additionalProperties":false,
             "properties":{"slots":{"type":"integer","minimum":1,"maximum":1024}}})";
}

const void* get_ext(void*, const char* id) {
  static constexpr serval_ext_schema kSchema = {sizeof kSchema, 0, config_schema};
  return std::strcmp(id, SERVAL_EXT_SCHEMA) == 0 ? &kSchema : nullptr;
}

serval_status probe(void* self, const serval_model_config* config, serval_resource* out, uint32_t,
                    uint32_t* n, serval_error* error) {
  const bool other = static_cast<Plugin*>(self)->other;
  const std::string_view path = text(config->path);
  if (path.rfind("/both", 0) != 0 && path.rfind(other ? "/other" : "/fake", 0) != 0)
    return fail(error, SERVAL_INVALID_ARGUMENT, "not a fake model");
  const uint64_t peak = switches().load_peak.load();
  out[0] = {sizeof out[0], SERVAL_MEM_HOST, 0, 0, peak, peak / 2};
  *n = 1;
  return SERVAL_OK;
}

serval_status open(void* self, const serval_model_config* config, serval_model_ref* ref,
                   void** model, serval_error* error) {
  const serval_host* const host = static_cast<Plugin*>(self)->host;
  if (switches().throw_in_open.load()) throw std::runtime_error("out of luck");
  if (switches().fail_open.load()) return fail(error, SERVAL_DATA_LOSS, "the weights are cut");
  const auto* const progress =
      static_cast<const serval_ext_progress*>(host->get_ext(host, SERVAL_EXT_PROGRESS));
  const std::string_view stage = "faking";
  do {
    if (progress->report(ref, 500, {stage.data(), stage.size()}) == SERVAL_CANCELLED)
      return fail(error, SERVAL_CANCELLED, "cancelled");
    if (switches().hold_open.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (switches().hold_open.load());
  uint32_t slots = 64;
  const auto json = parse_json(text(config->config_json));
  if (const auto* given = json->as_object().if_contains("slots"))
    slots = given->to_number<uint32_t>();
  *model = new FakeModel(host, ref, switches().opened.fetch_add(1) + 1, slots);
  return SERVAL_OK;
}

serval_status start(void* model, serval_error* error) {
  if (switches().fail_start.load()) return fail(error, SERVAL_INTERNAL, "no start today");
  static_cast<FakeModel*>(model)->start();
  return SERVAL_OK;
}

serval_status quiesce(void* model, uint64_t) {
  static_cast<FakeModel*>(model)->quiesce();
  return SERVAL_OK;
}

void close(void* model) {
  delete static_cast<FakeModel*>(model);
  switches().closed.fetch_add(1);
}

void signal(void* model, uint32_t kind, uint64_t id) {
  static_cast<FakeModel*>(model)->signal(kind, id);
}

serval_status health(void*, serval_health* out) {
  out->state = switches().health.load();
  std::strncpy(out->reason, out->state == SERVAL_HEALTH_OK ? "" : "it hurts",
               sizeof out->reason - 1);
  return SERVAL_OK;
}

template <bool other>
const serval_plugin* create(const serval_host* host, serval_error*) {
  auto* const plugin = new Plugin;
  plugin->host = host;
  plugin->other = other;
  plugin->table = {sizeof(serval_plugin),
                   0,
                   plugin,
                   destroy,
                   get_ext,
                   probe,
                   open,
                   start,
                   quiesce,
                   close,
                   signal,
                   health};
  switches().created.fetch_add(1);
  return &plugin->table;
}

constexpr const char* kOps[] = {"fake"};
constexpr serval_descriptor kFake = {
    sizeof kFake, 1, "org.serval.test.fake", "1.0", "Serval", "Apache-2.0", kOps, "A fake"};
constexpr serval_descriptor kOther = {sizeof kOther, 1,    "org.serval.test.other", "2.0", "Serval",
                                      "Apache-2.0",  kOps, "Another fake"};

}  // namespace

FakeSwitches& switches() {
  static FakeSwitches all;
  return all;
}

void reset_switches() {
  FakeSwitches& all = switches();
  for (auto* one : {&all.hang, &all.hold_open, &all.fail_open, &all.fail_start, &all.throw_in_open})
    one->store(false);
  all.health.store(SERVAL_HEALTH_OK);
  all.load_peak.store(1 << 20);
  all.step_us.store(0);
  for (auto* one : {&all.opened, &all.closed, &all.cancels_signalled, &all.created, &all.destroyed,
                    &all.started})
    one->store(0);
}

const serval_entry kFakeEntry = {
    SERVAL_MAGIC, SERVAL_ABI_MAJOR, SERVAL_ABI_MINOR, sizeof(serval_entry), 0, 0,
    &kFake,       create<false>};
const serval_entry kOtherEntry = {
    SERVAL_MAGIC, SERVAL_ABI_MAJOR, SERVAL_ABI_MINOR, sizeof(serval_entry), 0, 0,
    &kOther,      create<true>};

}  // namespace serval::fakes
