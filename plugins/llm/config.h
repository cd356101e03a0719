// [model.config] of a model that this plugin serves. docs/llm.md explains each key.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "kernels/ops.h"
#include "plugins/llm/params.h"

namespace serval::llm {

struct LlmConfig {
  int threads = 0;            // compute threads; 0: as many as the machine has cores
  int context = 0;            // most tokens of one sequence; 0: what the model was trained for
  int sequences = 64;         // most sequences in one step
  int tokens_per_step = 512;  // prompt and decode tokens of one forward pass
  float itl_factor = 1.8f;    // how much longer prompts may make the steps of running streams
  int kv_cache_mib = 1024;    // memory for keys and values
  KvType kv_type = KvType::f16;
  int kv_disk_mib = 0;        // most of KV blocks on the disk; 0: none
  std::string kv_disk_path;   // where; empty: kv/ in the folder the host names
  std::string chat_template;  // instead of the file's
  // Packed weights stay on disk from one start to the next: in pack_cache_path, or else in the
  // folder the host names.
  bool pack_cache = true;
  std::string pack_cache_path;
  int pack_cache_mib = 8192;  // most of all models together
  SamplingParams defaults;    // of requests that name none
};

// The JSON Schema of the table.
const char* config_schema();

// Errors name the key.
Result<LlmConfig> parse_config(std::string_view config_json);

}  // namespace serval::llm
