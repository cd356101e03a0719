// Memory, files and time: what a plugin takes and gives back.
#include <algorithm>
#include <vector>

#include "process.h"
#include "session.h"

namespace serval::check {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::vector<serval_resource> probe(Context& c, Session& s) {
  serval_model_config config{};
  config.size = sizeof(config);
  const auto str = [](const std::string& text) { return serval_str{text.data(), text.size()}; };
  config.path = str(c.options.model);
  config.config_json = str(c.options.config);
  config.cache_dir = str(c.cache_dir);
  std::vector<serval_resource> out(8);
  uint32_t n = 0;
  serval_error error{};
  error.size = sizeof(error);
  const serval_status code = s.plugin().model_probe(s.plugin().self, &config, out.data(),
                                                    uint32_t(out.size()), &n, &error);
  if (code != SERVAL_OK) c.stop("model_probe failed: " + code_name(code) + ": " + error.message);
  if (n == 0 || n > out.size()) c.stop("model_probe wrote " + std::to_string(n) + " entries");
  out.resize(n);
  return out;
}

void probe_quick(Context& c) {
  Session s(c);
  probe(c, s);  // pages of the file come from the disk once
  const uint64_t start = cpu_ns();
  for (const serval_resource& r : probe(c, s))
    c.expect(r.load_peak > 0 && r.steady > 0, "an entry of the probe is zero");
  c.expect(cpu_ns() - start < 1'000'000'000, "model_probe took over a second of computing");
}

void probe_bounds_use(Context& c) {
  c.skip_under_sanitizers();
  Session s(c);
  uint64_t load_peak = 0, steady = 0;
  for (const serval_resource& r : probe(c, s))
    if (r.mem == SERVAL_MEM_HOST) load_peak = r.load_peak, steady = r.steady;
  const uint64_t before = resident_bytes();
  reset_peak_resident();
  s.open();
  const uint64_t loaded = peak_resident_bytes() - before;
  constexpr uint64_t kSlack = 16 * kMiB;  // thread stacks and the kit itself
  c.expect(loaded <= load_peak + kSlack, "loading used " + std::to_string(loaded / kMiB) +
                                             " MiB, the probe said " +
                                             std::to_string(load_peak / kMiB));
  s.start();
  std::vector<Stream*> all;
  for (const std::string& op : s.ops())
    for (int i = 0; i < 8; ++i) all.push_back(s.submit(c.requests.make(op, Size::text, i)));
  s.wait_finished(all);
  const uint64_t used = resident_bytes() - std::min(before, resident_bytes());
  c.expect(used <= steady + kSlack, "running used " + std::to_string(used / kMiB) +
                                        " MiB, the probe said " + std::to_string(steady / kMiB));
}

void open_close_again(Context& c, Session& s, int times) {
  for (int i = 0; i < times; ++i) {
    s.run();
    s.quiesce(0);
    s.close();
  }
  threads_settled(1);
  static_cast<void>(c);
}

void files_flat(Context& c) {
  Session s(c);
  open_close_again(c, s, 2);
  const int before = open_files();
  open_close_again(c, s, 10);
  c.expect(open_files() <= before, std::to_string(open_files() - before) +
                                       " more files are open after 10 times open and close");
}

void memory_flat(Context& c) {
  c.skip_under_sanitizers();
  Session s(c);
  open_close_again(c, s, 3);
  const uint64_t before = resident_bytes();
  open_close_again(c, s, 10);
  const uint64_t after = resident_bytes();
  c.expect(after <= before + 8 * kMiB, "10 times open and close left " +
                                           std::to_string((after - before) / kMiB) + " MiB behind");
}

// Requests come and go; what they used must be used again.
void requests_memory_flat(Context& c) {
  c.skip_under_sanitizers();
  Session s(c);
  s.run();
  const std::string op = s.ops().front();
  uint64_t kept = 0;  // the kit's own: it keeps every request's inputs
  const auto round = [&](int times) {
    for (int i = 0; i < times; ++i) {
      std::vector<Stream*> all;
      for (int k = 0; k < 16; ++k) {
        all.push_back(s.submit(c.requests.make(op, Size::tiny, k)));
        for (const std::string& input : all.back()->spec.inputs) kept += input.size();
        kept += all.back()->upload.size();
      }
      s.wait_finished(all);
    }
  };
  round(4);
  const uint64_t before = resident_bytes();
  kept = 0;
  round(16);
  const uint64_t after = resident_bytes() - kept;
  c.expect(after <= before + 8 * kMiB,
           "256 requests left " + std::to_string((after - before) / kMiB) + " MiB behind");
}

// An idle model sleeps in pull: no polling, no spinning.
void idle_sleeps(Context& c) {
  Session s(c);
  s.run();
  if (c.requests.knows(s.entry().descriptor->ops[0]))
    s.run_one(c.requests.make(s.entry().descriptor->ops[0], Size::tiny));
  s.host().wait(200, [] { return false; });
  const uint64_t pulls = s.host().locked([&] { return s.model().pulls; });
  const uint64_t cpu = cpu_ns();
  s.host().wait(1000, [] { return false; });
  const uint64_t more = s.host().locked([&] { return s.model().pulls; }) - pulls;
  c.expect(more <= 12, "an idle model called pull " + std::to_string(more) + " times in a second");
  c.expect(cpu_ns() - cpu < 200'000'000, "an idle model used " +
                                             std::to_string((cpu_ns() - cpu) / 1'000'000) +
                                             " ms of processor time in a second");
}

constexpr Case kCases[] = {
    {"resources.probe_quick", "estimates its memory in under a second", probe_quick},
    {"resources.probe_bounds_use", "uses no more memory than its probe has said", probe_bounds_use},
    {"resources.files_flat", "closes all files when a model is closed", files_flat},
    {"resources.memory_flat", "frees a model's memory when it is closed", memory_flat},
    {"resources.requests_memory_flat", "frees a request's memory when it is finished",
     requests_memory_flat},
    {"resources.idle_sleeps", "costs nothing while there is nothing to do", idle_sleeps},
};

}  // namespace

std::span<const Case> resource_cases() { return kCases; }

}  // namespace serval::check
