// CPU features by the names that plugin notes use.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace serval::host {

// False for names that are not known on this architecture.
bool cpu_has(std::string_view feature);
bool cpu_feature_known(std::string_view feature);

// Those of "avx2,fma" that `has` says no to, in order; empty names are skipped.
std::vector<std::string> missing_features(std::string_view list,
                                          const std::function<bool(std::string_view)>& has);

}  // namespace serval::host
