// Which files of a Hugging Face folder hold its weights.
#pragma once

#include <filesystem>
#include <vector>

#include "common/result.h"

namespace serval {

// The shards that model.safetensors.index.json names, or model.safetensors, or the only
// .safetensors file there is. Errors: not_found; data_loss for an index that names no files of this
// folder.
Result<std::vector<std::filesystem::path>> find_hf_shards(const std::filesystem::path& folder);

}  // namespace serval
