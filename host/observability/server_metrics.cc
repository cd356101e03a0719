#include "host/observability/server_metrics.h"

#include <cstdio>
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

namespace serval::host {
namespace {

constexpr ModelState kStates[] = {ModelState::waiting,  ModelState::loading,  ModelState::ready,
                                  ModelState::draining, ModelState::unloaded, ModelState::failed};

Labels labels_of(const ModelInfo& model) {
  return {{"model", model.name}, {"plugin", model.plugin_id}};
}

template <class Value>
void print_gauge(MetricsPage& page, const std::vector<ModelInfo>& models, std::string_view name,
                 std::string_view help, Value value) {
  page.family(name, help, "gauge");
  for (const ModelInfo& model : models) page.sample(name, labels_of(model), value(model));
}

// Entries of a folder of /proc, without . and .. and the one for reading it.
double count_entries(const char* path) {
  DIR* folder = opendir(path);
  if (folder == nullptr) return 0;
  int count = -3;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

void print_value(MetricsPage& page, std::string_view name, std::string_view help,
                 std::string_view type, double value) {
  page.family(name, help, type);
  page.sample(name, Labels{}, value);
}

}  // namespace

void print_models(MetricsPage& page, const std::vector<ModelInfo>& models) {
  if (models.empty()) return;
  page.family("serval_model_state", "1 for the state the model is in.", "gauge");
  for (const ModelInfo& model : models)
    for (const ModelState state : kStates) {
      Labels labels = labels_of(model);
      labels.emplace_back("state", model_state_name(state));
      page.sample("serval_model_state", labels, model.state == state ? 1 : 0);
    }
  print_gauge(page, models, "serval_running", "Requests the plugin works on.",
              [](const ModelInfo& m) { return double(m.running); });
  print_gauge(page, models, "serval_waiting", "Requests in the queue.",
              [](const ModelInfo& m) { return double(m.waiting); });
  print_gauge(page, models, "serval_parked", "Requests that wait for a slow reader.",
              [](const ModelInfo& m) { return double(m.parked); });
  print_gauge(page, models, "serval_step_age_seconds",
              "Since the plugin's last step while something runs.",
              [](const ModelInfo& m) { return double(m.step_age_ns) * 1e-9; });
  print_gauge(page, models, "serval_model_memory_bytes", "The plugin's estimate of its memory.",
              [](const ModelInfo& m) { return double(m.memory_bytes); });
  print_gauge(page, models, "serval_model_version", "Counts the loads of the model.",
              [](const ModelInfo& m) { return double(m.version); });
}

void print_process(MetricsPage& page) {
  unsigned long total = 0, resident = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(statm, "%lu %lu", &total, &resident) != 2) total = resident = 0;
    std::fclose(statm);
  }
  const double page_bytes = double(sysconf(_SC_PAGESIZE));
  print_value(page, "process_resident_memory_bytes", "Resident memory.", "gauge",
              double(resident) * page_bytes);
  print_value(page, "process_virtual_memory_bytes", "Address space in use.", "gauge",
              double(total) * page_bytes);
  print_value(page, "process_open_fds", "Open files and sockets.", "gauge",
              count_entries("/proc/self/fd"));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  print_value(page, "process_max_fds", "Most files and sockets.", "gauge", double(files.rlim_cur));
  print_value(page, "process_threads", "Threads.", "gauge",
              count_entries("/proc/self/task") + 1);  // nothing is open in that folder
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto time = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  print_value(page, "process_cpu_seconds_total", "User and system time.", "counter",
              time(used.ru_utime) + time(used.ru_stime));
}

}  // namespace serval::host
