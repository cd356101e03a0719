// A Whisper model's weights, packed for this machine's kernels.
#pragma once

#include <functional>
#include <vector>

#include "common/aligned_memory.h"
#include "common/thread_pool.h"
#include "kernels/ops.h"
#include "plugins/whisper/model/folder.h"

namespace serval::whisper {

struct Linear {
  DenseWeights w;
  const float* bias = nullptr;  // [n]
};

struct Norm {
  const float* gamma = nullptr;  // [hidden]
  const float* beta = nullptr;
};
inline constexpr float kNormEpsilon = 1e-5f;

struct EncoderLayer {
  Norm attention_norm, feed_norm;
  Linear qkv, attention_out, feed_in, feed_out;
};

struct DecoderLayer {
  Norm self_norm, cross_norm, feed_norm;
  Linear qkv, self_out, cross_q, cross_kv, cross_out, feed_in, feed_out;
};

// A matrix as the file has it: row i begins at data + i * row_bytes(type, hidden).
struct RowTable {
  const std::byte* data = nullptr;
  WeightType type = WeightType::f32;
};

struct SpeechWeights {
  AlignedMemory memory;  // everything below points into it
  // The convolutions as products over neighbouring rows: [hidden, 3 * mels], [hidden, 3 * hidden],
  // three frames one behind the other.
  Linear conv1, conv2;
  const float* audio_positions = nullptr;  // [audio_states, hidden]
  const float* text_positions = nullptr;   // [text_positions, hidden]
  RowTable words;                          // [vocab, hidden]
  DenseWeights head;                       // [vocab, hidden]: logits
  RowTable head_rows;                      // int8: the same as in the file; `words` if tied
  Norm encoder_norm, decoder_norm;
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
};

struct ProductTypes {
  DenseType dense = DenseType::f32;
  DenseType convs = DenseType::f32;  // f32 or bf16: int8 would hurt the mels
  bool narrow_int8 = false;          // Ops::narrow_int8
};
// The convolutions are as exact as the encoder's attention.
ProductTypes product_types(DenseType dense, const Ops& ops);

// Per mille done; false: stop loading.
using LoadProgress = std::function<bool(int per_mille)>;

// The bytes load_weights will allocate.
// Errors: what is missing or has a wrong shape or type, or is too much, by tensor name.
Result<std::size_t> weights_bytes(SpeechFolder& folder, const ProductTypes& types);

// Errors: as weights_bytes; cancelled; resource_exhausted.
Result<SpeechWeights> load_weights(SpeechFolder& folder, const ProductTypes& types,
                                   ThreadPool& pool, const LoadProgress& progress);

}  // namespace serval::whisper
