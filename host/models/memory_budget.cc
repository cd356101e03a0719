#include "host/models/memory_budget.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace serval::host {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kUnknown = UINT64_MAX;

// The number behind `key` in a file of "key number" lines; kUnknown if there is none.
uint64_t number_after(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    uint64_t number = 0;
    if (words >> word && word == key && words >> number) return number;
  }
  return kUnknown;
}

uint64_t number_in(const fs::path& file) {
  std::ifstream in(file);
  uint64_t number = 0;
  return in >> number ? number : kUnknown;  // "max" is no number
}

uint64_t left_in_group(const fs::path& group) {
  const uint64_t most = number_in(group / "memory.max");
  const uint64_t used = number_in(group / "memory.current");
  if (most == kUnknown || used == kUnknown) return kUnknown;
  uint64_t cache = 0;
  for (const char* key : {"inactive_file", "active_file"}) {
    const uint64_t bytes = number_after(group / "memory.stat", key);
    if (bytes != kUnknown) cache += bytes;
  }
  const uint64_t held = used - std::min(used, cache);
  return most - std::min(most, held);
}

// The path behind "0::" of /proc/self/cgroup, without the slash at its front.
fs::path own_group(const fs::path& root) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("0::/", 0) == 0) return line.substr(4);
  }
  return {};
}

}  // namespace

uint64_t available_memory(const fs::path& root) {
  uint64_t available = kUnknown;
  const uint64_t kib = number_after(root / "proc/meminfo", "MemAvailable:");
  if (kib != kUnknown) available = kib * 1024;
  // Inside a container the path may name a group that is not to be seen; the top is then our own.
  const fs::path top = root / "sys/fs/cgroup";
  available = std::min(available, left_in_group(top));
  fs::path group = top;
  for (const fs::path& part : own_group(root)) {
    if (part == "..") break;
    group /= part;
    available = std::min(available, left_in_group(group));
  }
  return available;
}

std::string bytes_text(uint64_t bytes) {
  const bool large = bytes >= uint64_t{1} << 30;
  char text[48];
  std::snprintf(text, sizeof text, "%.1f %s", double(bytes) / double(1 << (large ? 30 : 20)),
                large ? "GiB" : "MiB");
  return text;
}

MemoryBudget::MemoryBudget(uint64_t limit, uint64_t reserve, std::function<uint64_t()> available)
    : limit_(limit),
      reserve_(reserve),
      available_(available ? std::move(available) : [] { return available_memory(); }) {}

Result<std::unique_ptr<MemoryBudget::Lease>> MemoryBudget::take(const std::string& model,
                                                                const MemoryEstimate& need) {
  const uint64_t peak = std::max(need.load_peak, need.steady);
  std::lock_guard lock(mutex_);
  uint64_t promised = 0;  // to loads under way, which may not have taken it yet
  uint64_t held = 0;      // by estimates
  for (const auto& [id, part] : parts_) {
    const uint64_t part_peak = std::max(part.need.load_peak, part.need.steady);
    if (part.loading) promised += part_peak;
    held += part.loading ? part_peak : part.need.steady;
  }
  const auto refuse = [&](const std::string& there, uint64_t bytes) {
    return error(Code::resource_exhausted, "model " + model + " needs " + bytes_text(peak) + " (" +
                                               std::to_string(peak) + " bytes) to load, " + there +
                                               " " + bytes_text(bytes) + " (" +
                                               std::to_string(bytes) + " bytes)");
  };
  if (limit_ != 0) {
    const uint64_t left = limit_ - std::min(limit_, held);
    if (peak > left) return refuse("the memory limit leaves", left);
  }
  const uint64_t available = available_();
  if (available != kUnknown) {
    const uint64_t kept = reserve_ + promised;
    const uint64_t left = available - std::min(available, kept);
    if (peak > left) return refuse("available beside the reserve are", left);
  }
  parts_.emplace(++last_, Part{need, true});
  return std::make_unique<Lease>(shared_from_this(), last_);
}

void MemoryBudget::loaded(uint64_t id) {
  std::lock_guard lock(mutex_);
  if (const auto it = parts_.find(id); it != parts_.end()) it->second.loading = false;
}

void MemoryBudget::release(uint64_t id) {
  std::lock_guard lock(mutex_);
  parts_.erase(id);
}

}  // namespace serval::host
