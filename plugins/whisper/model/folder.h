// A Whisper model's folder: its tensors, its sizes, and what its JSON files say.
#pragma once

#include <filesystem>

#include "plugins/whisper/model/shape.h"
#include "plugins/whisper/model/tensors.h"

namespace serval::whisper {

struct SpeechFolder {
  SpeechTensors tensors;
  SpeechShape shape;
  SpeechConfig config;

  // CTranslate2: model.bin, whose shapes give the sizes, and config.json. Hugging Face:
  // *.safetensors, config.json and, where there is one, generation_config.json.
  // Errors: not_found; data_loss for damaged files; invalid_argument for sizes that do not fit;
  // unimplemented for a model that computes something else.
  static Result<SpeechFolder> open(const std::filesystem::path& folder);
};

}  // namespace serval::whisper
