// [model.config] of a model that this plugin serves. docs/bei.md explains each key.
#pragma once

#include <string_view>

#include "common/result.h"

namespace serval::bei {

// How the weights of the encoder's products are kept, and what their activations become.
enum class Precision : uint8_t { f32, bf16, int8 };
const char* precision_name(Precision precision);

struct BeiConfig {
  int threads = 0;             // compute threads; 0: as many as the machine has cores
  int tokenizer_threads = 1;   // tokenize while the others compute; 0: none, it is done between
  bool auto_precision = true;  // the fastest whose quality holds
  Precision precision = Precision::f32;  // if not auto_precision
  int tokens_per_step = 0;               // of one forward pass; 0: 256 a thread, 512 at least
  int max_input_tokens = 0;              // longest text; 0: the model's own limit
  int max_items = 2048;                  // texts of one request
  int requests = 256;  // most requests held at a time; the rest waits in the host's queue
  int cache_mib = 0;   // results kept for inputs that come again; 0: none
};

// The JSON Schema of the table.
const char* config_schema();

// Errors name the key.
Result<BeiConfig> parse_config(std::string_view config_json);

}  // namespace serval::bei
