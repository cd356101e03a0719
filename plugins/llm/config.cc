#include "plugins/llm/config.h"

#include "common/json_reader.h"

namespace serval::llm {

const char* config_schema() {
  return R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "threads": {"type": "integer", "minimum": 0, "maximum": 256, "default": 0,
      "description": "compute threads; 0: as many as the machine has cores"},
    "context": {"type": "integer", "minimum": 0, "maximum": 16777216, "default": 0,
      "description": "most tokens of one sequence; 0: what the model was trained for"},
    "sequences": {"type": "integer", "minimum": 1, "maximum": 1024, "default": 64,
      "description": "most sequences in one step"},
    "tokens_per_step": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 512,
      "description": "prompt and decode tokens of one forward pass"},
    "itl_factor": {"type": "number", "minimum": 1, "maximum": 100, "default": 1.8,
      "description": "how much longer prompts may make the steps of running streams"},
    "kv_cache_mib": {"type": "integer", "minimum": 1, "maximum": 16777216, "default": 1024,
      "description": "memory for keys and values, MiB"},
    "kv_type": {"type": "string", "enum": ["f32", "f16", "bf16", "int8", "int4"],
      "default": "f16", "description": "element type of the KV cache"},
    "kv_disk_mib": {"type": "integer", "minimum": 0, "maximum": 16777216, "default": 0,
      "description": "keys and values on the disk, MiB; 0: none"},
    "kv_disk_path": {"type": "string", "maxLength": 4096,
      "description": "the folder for them; empty: kv/ in server.cache_dir"},
    "chat_template": {"type": "string", "maxLength": 1048576,
      "description": "a Jinja chat template instead of the model's own"},
    "pack_cache": {"type": "boolean", "default": true,
      "description": "keep the repacked weights on disk for the next start"},
    "pack_cache_path": {"type": "string", "maxLength": 4096,
      "description": "folder for them; empty: packed/ in the server's cache_dir"},
    "pack_cache_mib": {"type": "integer", "minimum": 1, "maximum": 16777216, "default": 8192,
      "description": "most of them, all models together, MiB"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2, "default": 1},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1, "default": 1},
    "min_p": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    "top_k": {"type": "integer", "minimum": 0, "maximum": 16777216, "default": 0},
    "repetition_penalty": {"type": "number", "minimum": 0.01, "maximum": 10, "default": 1}
  }
})json";
}

namespace {

void read_kv_type(JsonReader& reader, LlmConfig& config) {
  constexpr std::pair<std::string_view, KvType> kNames[] = {{"f32", KvType::f32},
                                                            {"f16", KvType::f16},
                                                            {"bf16", KvType::bf16},
                                                            {"int8", KvType::int8},
                                                            {"int4", KvType::int4}};
  std::string name = "f16";
  reader.read("kv_type", name);
  for (const auto& [known, type] : kNames) {
    if (name != known) continue;
    config.kv_type = type;
    return;
  }
  reader.fail("kv_type",
              "kv_type is \"" + name.substr(0, 32) + "\"; it must be f32, f16, bf16, int8 or int4");
}

}  // namespace

Result<LlmConfig> parse_config(std::string_view config_json) {
  LlmConfig config;
  if (config_json.empty()) return config;
  const Result<json::object> parsed = parse_json_object(config_json, "the configuration must be an object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  reader.read("threads", config.threads, 0, 256);
  reader.read("context", config.context, 0, 1 << 24);
  reader.read("sequences", config.sequences, 1, 1024);
  reader.read("tokens_per_step", config.tokens_per_step, 1, 65536);
  reader.read("itl_factor", config.itl_factor, 1.0f, 100.0f);
  reader.read("kv_cache_mib", config.kv_cache_mib, 1, 1 << 24);
  read_kv_type(reader, config);
  reader.read("kv_disk_mib", config.kv_disk_mib, 0, 1 << 24);
  reader.read("kv_disk_path", config.kv_disk_path);
  if (!config.kv_disk_path.empty() && config.kv_disk_path.front() != '/')
    reader.fail("kv_disk_path", "kv_disk_path must begin with /");
  reader.read("chat_template", config.chat_template);
  reader.read("pack_cache", config.pack_cache);
  reader.read("pack_cache_path", config.pack_cache_path);
  if (!config.pack_cache_path.empty() && config.pack_cache_path.front() != '/')
    reader.fail("pack_cache_path", "pack_cache_path must begin with /");
  reader.read("pack_cache_mib", config.pack_cache_mib, 1, 1 << 24);
  reader.read("temperature", config.defaults.temperature, 0.0f, 2.0f);
  reader.read("top_p", config.defaults.top_p, 0.0f, 1.0f);
  reader.read("min_p", config.defaults.min_p, 0.0f, 1.0f);
  reader.read("top_k", config.defaults.top_k, 0, 1 << 24);
  reader.read("repetition_penalty", config.defaults.repetition_penalty, 0.01f, 10.0f);
  if (const Status status = reader.finish(); !status) return status.error();
  return config;
}

}  // namespace serval::llm
