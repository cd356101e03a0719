// [model.config] of a model that this plugin serves. docs/whisper.md explains each key.
#pragma once

#include <string>
#include <string_view>

#include "kernels/ops.h"

namespace serval::whisper {

struct WhisperConfig {
  int threads = 0;                // compute threads; 0: as many as the machine has cores
  int audio_threads = 1;          // read, cut and transform audio while the others compute; 0: none
  std::string dtype = "auto";     // auto, f32, bf16, int8: of the matrix products
  std::string kv_dtype = "auto";  // auto, f32, f16, bf16, int8: of the decoder's memory
  int windows = 16;               // most windows decoded at a time
  int requests = 256;  // most requests held at a time; the rest waits in the host's queue
  int max_audio_seconds = 14400;  // longest audio of a request
  std::string vad_model;          // Silero's weights; "": beside the model, where they are
};

// The JSON Schema of the table.
const char* config_schema();

// Errors name the key.
Result<WhisperConfig> parse_config(std::string_view config_json);

// The precision that `dtype` means on this machine; auto is the fastest whose word error rate
// holds. REQUIRES: of parse_config.
DenseType dense_type(const WhisperConfig& config, const Ops& ops);
KvType kv_type(const WhisperConfig& config, const Ops& ops);

}  // namespace serval::whisper
