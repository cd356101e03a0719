#include "plugins/whisper/engine/config.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <thread>

#include "common/json_reader.h"

namespace serval::whisper {

const char* config_schema() {
  return R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "threads": {"type": "integer", "minimum": 0, "maximum": 256, "default": 0,
      "description": "compute threads; 0: as many as the machine has cores"},
    "audio_threads": {"type": "integer", "minimum": 0, "maximum": 64, "default": 1,
      "description": "threads that read and cut audio while the others compute; 0: none"},
    "dtype": {"type": "string", "enum": ["auto", "f32", "bf16", "int8"], "default": "auto",
      "description": "precision of the matrix products"},
    "kv_dtype": {"type": "string", "enum": ["auto", "f32", "f16", "bf16", "int8"], "default": "auto",
      "description": "precision of the decoder's memory"},
    "windows": {"type": "integer", "minimum": 1, "maximum": 256, "default": 16,
      "description": "most windows of 30 s that are decoded at a time"},
    "requests": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 256,
      "description": "most requests held at a time; the rest waits in the host's queue"},
    "max_audio_seconds": {"type": "integer", "minimum": 1, "maximum": 604800, "default": 14400,
      "description": "longest audio of a request, seconds"},
    "vad_model": {"type": "string", "default": "",
      "description": "Silero's weights (safetensors); empty: beside the model, where they are"}
  }
})json";
}

namespace {

constexpr std::string_view kTypes[] = {"auto", "f32", "bf16", "int8"};
constexpr std::string_view kKvTypes[] = {"auto", "f32", "f16", "bf16", "int8"};

void read_type(JsonReader& reader, const char* key, std::span<const std::string_view> types,
               std::string& field) {
  reader.read(key, field);
  if (std::find(types.begin(), types.end(), field) != types.end()) return;
  std::string message = std::string(key) + " is \"" + field.substr(0, 32) + "\"; it must be ";
  for (const std::string_view type : types) {
    if (type != types.front()) message += type == types.back() ? " or " : ", ";
    message += type;
  }
  reader.fail(key, message);
}

}  // namespace

Result<WhisperConfig> parse_config(std::string_view config_json) {
  WhisperConfig config;
  if (config_json.empty()) return config;
  const Result<json::object> parsed =
      parse_json_object(config_json, "the configuration must be an object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  reader.read("threads", config.threads, 0, 256);
  reader.read("audio_threads", config.audio_threads, 0, 64);
  read_type(reader, "dtype", kTypes, config.dtype);
  read_type(reader, "kv_dtype", kKvTypes, config.kv_dtype);
  reader.read("windows", config.windows, 1, 256);
  reader.read("requests", config.requests, 1, 65536);
  reader.read("max_audio_seconds", config.max_audio_seconds, 1, 604800);
  reader.read("vad_model", config.vad_model);
  if (const Status status = reader.finish(); !status) return status.error();
  return config;
}

DenseType dense_type(const WhisperConfig& config, const Ops& ops) {
  if (config.dtype == "f32") return DenseType::f32;
  if (config.dtype == "bf16") return DenseType::bf16;
  if (config.dtype == "int8") return DenseType::int8;
  return ops.fast_int8 ? DenseType::int8 : DenseType::f32;
}

KvType kv_type(const WhisperConfig& config, const Ops& ops) {
  if (config.kv_dtype == "f32") return KvType::f32;
  if (config.kv_dtype == "f16") return KvType::f16;
  if (config.kv_dtype == "bf16") return KvType::bf16;
  if (config.kv_dtype == "int8") return KvType::int8;
  const DenseType products = dense_type(config, ops);
  if (products == DenseType::f32) return KvType::f32;
  return attention_in_bf16(ops, products) ? KvType::bf16 : KvType::f16;
}

}  // namespace serval::whisper
