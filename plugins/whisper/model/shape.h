// The sizes of a Whisper model (Radford et al. 2022), and what its folder says beyond weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace serval::whisper {

struct SpeechShape {
  int mels = 0;  // 80, or 128 from large-v3 on
  int hidden = 0;
  int heads = 0;
  int encoder_layers = 0, decoder_layers = 0;
  int encoder_ff = 0, decoder_ff = 0;
  int vocab = 0;
  int audio_states = 0;    // of a whole window: 1500, one for two mel frames
  int text_positions = 0;  // 448

  int head_dim() const { return hidden / heads; }
  int frames() const { return 2 * audio_states; }  // of a whole window
};

// Error: invalid_argument for sizes that the kernels cannot run, or that no Whisper model has.
Status check_shape(const SpeechShape& shape);

struct AlignmentHead {
  int layer, head;
};

struct SpeechConfig {
  // Heads of the decoder's cross-attention that follow the audio in time. Where the folder names
  // none: all of the upper half of the layers.
  std::vector<AlignmentHead> alignment_heads;
  std::vector<int> suppress_ids, suppress_ids_begin;
  std::vector<int> language_ids;
  bool multilingual = false;
};

}  // namespace serval::whisper
