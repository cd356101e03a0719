#include "plugins/whisper/model/shape.h"

namespace serval::whisper {

Status check_shape(const SpeechShape& s) {
  const struct {
    const char* what;
    int value, least, most;
  } sizes[] = {
      {"mel bins", s.mels, 1, 512},
      {"hidden size", s.hidden, 32, 8192},
      {"heads", s.heads, 1, 256},
      {"encoder layers", s.encoder_layers, 1, 256},
      {"decoder layers", s.decoder_layers, 1, 256},
      {"encoder feed-forward size", s.encoder_ff, 1, 65536},
      {"decoder feed-forward size", s.decoder_ff, 1, 65536},
      {"vocabulary", s.vocab, 1, 1 << 20},
      {"audio states", s.audio_states, 1, 4096},
      {"text positions", s.text_positions, 1, 4096},
  };
  for (const auto& size : sizes)
    if (size.value < size.least || size.value > size.most)
      return invalid(std::string(size.what) + " is " + std::to_string(size.value) + ", want " +
                     std::to_string(size.least) + " to " + std::to_string(size.most));
  if (s.hidden % 32 != 0)  // rows of the convolutions overlap and must stay aligned
    return invalid("hidden size is " + std::to_string(s.hidden) + ", want a multiple of 32");
  if (s.hidden % s.heads != 0 || s.head_dim() % 8 != 0 || s.head_dim() < 16 || s.head_dim() > 256)
    return invalid(std::to_string(s.heads) + " heads of a hidden size of " +
                   std::to_string(s.hidden) +
                   ", want a size of one head from 16 to 256, a multiple of 8");
  return {};
}

}  // namespace serval::whisper
