#include "plugins/bei/config.h"

#include <string>

#include "common/json_reader.h"

namespace serval::bei {

const char* precision_name(Precision precision) {
  switch (precision) {
    case Precision::f32:
      return "f32";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
  }
  return "";
}

const char* config_schema() {
  return R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "threads": {"type": "integer", "minimum": 0, "maximum": 256, "default": 0,
      "description": "compute threads; 0: as many as the machine has cores"},
    "tokenizer_threads": {"type": "integer", "minimum": 0, "maximum": 64, "default": 1,
      "description": "threads that tokenize while the others compute; 0: none"},
    "dtype": {"type": "string", "enum": ["auto", "f32", "bf16", "int8"], "default": "auto",
      "description": "precision of the encoder's matrix products"},
    "tokens_per_step": {"type": "integer", "minimum": 0, "maximum": 65536, "default": 0,
      "description": "tokens of one forward pass; 0: 256 a thread, 512 at least"},
    "max_input_tokens": {"type": "integer", "minimum": 0, "maximum": 16777216, "default": 0,
      "description": "longest text, tokens; 0: the model's own limit"},
    "max_items": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 2048,
      "description": "most texts of one request"},
    "requests": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 256,
      "description": "most requests held at a time; the rest waits in the host's queue"},
    "cache_mib": {"type": "integer", "minimum": 0, "maximum": 16777216, "default": 0,
      "description": "results kept for inputs that come again, MiB; 0: none"}
  }
})json";
}

Result<BeiConfig> parse_config(std::string_view config_json) {
  BeiConfig config;
  if (config_json.empty()) return config;
  const Result<json::object> parsed =
      parse_json_object(config_json, "the configuration must be an object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  reader.read("threads", config.threads, 0, 256);
  reader.read("tokenizer_threads", config.tokenizer_threads, 0, 64);
  std::string dtype = "auto";
  reader.read("dtype", dtype);
  config.auto_precision = dtype == "auto";
  bool known = config.auto_precision;
  for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8}) {
    if (dtype != precision_name(precision)) continue;
    config.precision = precision;
    known = true;
  }
  if (!known)
    reader.fail("dtype",
                "dtype is \"" + dtype.substr(0, 32) + "\"; it must be auto, f32, bf16 or int8");
  reader.read("tokens_per_step", config.tokens_per_step, 0, 65536);
  reader.read("max_input_tokens", config.max_input_tokens, 0, 1 << 24);
  reader.read("max_items", config.max_items, 1, 65536);
  reader.read("requests", config.requests, 1, 65536);
  reader.read("cache_mib", config.cache_mib, 0, 1 << 24);
  if (const Status status = reader.finish(); !status) return status.error();
  return config;
}

}  // namespace serval::bei
