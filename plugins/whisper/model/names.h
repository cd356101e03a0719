// What the tensors of a Whisper model are called in the two kinds of folder.
#pragma once

#include <string>
#include <vector>

namespace serval::whisper {

struct NormNames {
  std::string gamma, beta;
};

// Matrices that stand below one another, each with a bias or (empty) without.
struct LinearNames {
  std::vector<std::string> weight, bias;
};

struct EncoderLayerNames {
  NormNames attention_norm, feed_norm;
  LinearNames qkv, attention_out, feed_in, feed_out;
};

struct DecoderLayerNames {
  NormNames self_norm, cross_norm, feed_norm;
  LinearNames qkv, self_out, cross_q, cross_kv, cross_out, feed_in, feed_out;
};

struct SpeechNames {
  LinearNames conv1, conv2;
  std::string audio_positions, text_positions, words;
  NormNames encoder_norm, decoder_norm;

  static SpeechNames of(bool ctranslate2);
  static EncoderLayerNames encoder_layer(bool ctranslate2, int layer);
  static DecoderLayerNames decoder_layer(bool ctranslate2, int layer);
};

}  // namespace serval::whisper
