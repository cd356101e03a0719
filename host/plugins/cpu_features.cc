#include "host/plugins/cpu_features.h"

#include <algorithm>
#include <span>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace serval::host {
namespace {

struct Feature {
  std::string_view name;
  bool present;
};

std::span<const Feature> features() {
#if defined(__x86_64__)
  // The builtin wants literals. It looks at what the system saves on a context switch, too.
  static const Feature all[] = {
      {"sse4.2", __builtin_cpu_supports("sse4.2") != 0},
      {"popcnt", __builtin_cpu_supports("popcnt") != 0},
      {"avx", __builtin_cpu_supports("avx") != 0},
      {"avx2", __builtin_cpu_supports("avx2") != 0},
      {"fma", __builtin_cpu_supports("fma") != 0},
      {"f16c", __builtin_cpu_supports("f16c") != 0},
      {"bmi", __builtin_cpu_supports("bmi") != 0},
      {"bmi2", __builtin_cpu_supports("bmi2") != 0},
      {"lzcnt", __builtin_cpu_supports("lzcnt") != 0},
      {"avxvnni", __builtin_cpu_supports("avxvnni") != 0},
      {"avx512f", __builtin_cpu_supports("avx512f") != 0},
      {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
      {"avx512dq", __builtin_cpu_supports("avx512dq") != 0},
      {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
      {"avx512cd", __builtin_cpu_supports("avx512cd") != 0},
      {"avx512vbmi", __builtin_cpu_supports("avx512vbmi") != 0},
      {"avx512vnni", __builtin_cpu_supports("avx512vnni") != 0},
      {"avx512bf16", __builtin_cpu_supports("avx512bf16") != 0},
      {"amx-tile", __builtin_cpu_supports("amx-tile") != 0},
      {"amx-int8", __builtin_cpu_supports("amx-int8") != 0},
      {"amx-bf16", __builtin_cpu_supports("amx-bf16") != 0},
  };
#else
  static const unsigned long caps = getauxval(AT_HWCAP);
  static const Feature all[] = {
      {"asimd", (caps >> 1 & 1) != 0},
      {"asimdhp", (caps >> 10 & 1) != 0},
      {"asimddp", (caps >> 20 & 1) != 0},
      {"sve", (caps >> 22 & 1) != 0},
  };
#endif
  return all;
}

const Feature* find(std::string_view name) {
  const auto all = features();
  const auto it = std::find_if(all.begin(), all.end(),
                               [name](const Feature& feature) { return feature.name == name; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

bool cpu_feature_known(std::string_view feature) { return find(feature) != nullptr; }

bool cpu_has(std::string_view feature) {
  const Feature* found = find(feature);
  return found != nullptr && found->present;
}

std::vector<std::string> missing_features(std::string_view list,
                                          const std::function<bool(std::string_view)>& has) {
  std::vector<std::string> missing;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    if (!name.empty() && !has(name)) missing.emplace_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return missing;
}

}  // namespace serval::host
