#include "process.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <time.h>
#include <unistd.h>

namespace serval::check {
namespace {

// A field of /proc/self/status in KiB, as bytes; 0 when it is missing.
uint64_t status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;)
    if (uint64_t kib = 0; word == key && file >> kib) return kib * 1024;
  return 0;
}

int entries(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator all(folder, error);
  return int(std::distance(begin(all), end(all)));
}

}  // namespace

uint64_t resident_bytes() { return status_bytes("VmRSS:"); }
uint64_t peak_resident_bytes() { return status_bytes("VmHWM:"); }
void reset_peak_resident() { std::ofstream("/proc/self/clear_refs") << "5"; }
// A file that is open for a moment only is not meant: a sanitizer's own thread reads /proc now and
// then.
int open_files() {
  int least = entries("/proc/self/fd");
  for (int i = 0; i < 5; ++i) {
    usleep(2'000);
    least = std::min(least, entries("/proc/self/fd"));
  }
  return least;
}
int threads() { return entries("/proc/self/task"); }

int threads_settled(int most) {
  for (int i = 0; i < 100 && threads() > most; ++i) usleep(10'000);
  return threads();
}

bool is_mapped(const std::string& path) {
  std::error_code error;
  const std::string full = std::filesystem::canonical(path, error).string();
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line);)
    if (line.size() >= full.size() && line.ends_with(full)) return true;
  return false;
}

uint64_t cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

}  // namespace serval::check
