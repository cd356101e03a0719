// A Whisper model: windows of mel frames to cross-attention memory, tokens to logits.
#pragma once

#include <memory>
#include <optional>

#include "plugins/whisper/model/decoder.h"
#include "plugins/whisper/model/encoder.h"

namespace serval::whisper {

struct SpeechOptions {
  // Of the products. Convolutions and the encoder's attention: as attention_in_bf16 says.
  DenseType dtype = DenseType::f32;
  KvType kv = KvType::f32;  // of both kinds of the decoder's memory
  int max_states = 1500;    // of all items of one encode call; a whole window's at least
  int max_rows = 64;        // tokens of one decode call
  int windows = 1;          // most CrossMemory at a time
  int hypotheses = 1;       // most SelfMemory at a time
};

// What a folder would take.
struct SpeechPlan {
  SpeechShape shape;
  SpeechConfig config;
  std::size_t weights = 0;    // bytes
  std::size_t workspace = 0;  // of the largest encode and decode
  std::size_t memory = 0;     // of the decoder's memory when all of it is in use
  std::size_t bytes() const { return weights + workspace + memory; }
};

// Of one thread, as is all memory that it fills; the model outlives that.
class SpeechModel {
 public:
  using Cross = CrossMemory;
  using Self = SelfMemory;
  using DecodeItem = whisper::DecodeItem;

  struct EncodeItem {
    const float* mel;  // [frames, mels], log-mel as Whisper wants it
    int frames;        // a multiple of 2 * kKvBlockTokens, or a whole window's
    // Behind the item's states come those of silence, up to a whole window: the decoder was trained
    // on windows of 30 s and loops on less.
    bool graft;
    Cross* out;
    float* states = nullptr;  // [frames / 2, hidden]: the last hidden states, or null
  };

  // Errors: those of SpeechFolder and weights_bytes; invalid_argument for options out of range.
  static Result<SpeechPlan> plan(const std::filesystem::path& folder, const SpeechOptions& options,
                                 const Ops& ops, int threads);
  // ops and pool live as long as the model. Encodes a window of silence, for grafts.
  // Errors: as plan; cancelled; resource_exhausted.
  static Result<std::unique_ptr<SpeechModel>> load(const std::filesystem::path& folder,
                                                   const SpeechOptions& options, const Ops& ops,
                                                   ThreadPool& pool, const LoadProgress& progress);

  const SpeechShape& shape() const { return shape_; }
  const SpeechConfig& config() const { return config_; }
  const SpeechOptions& options() const { return options_; }

  // Items are laid end to end; an item's result is bitwise the same alone and in any batch.
  // Errors: invalid_argument for frames that are not as above or more than max_states in all;
  // resource_exhausted if more than `windows` are held. The items' memories are then empty.
  Status encode(std::span<const EncodeItem> items);
  // Errors: as Decoder::run.
  Status decode(std::span<const DecodeItem> items) { return decoder_->run(items); }

 private:
  SpeechModel(SpeechFolder& folder, SpeechWeights weights, const SpeechOptions& options)
      : shape_(folder.shape),
        config_(std::move(folder.config)),
        options_(options),
        weights_(std::move(weights)) {}
  Status prepare(const Ops& ops, ThreadPool& pool);
  Status encode_silence();
  Status check(std::span<const EncodeItem> items) const;

  SpeechShape shape_;
  SpeechConfig config_;
  SpeechOptions options_;
  SpeechWeights weights_;
  std::unique_ptr<KvBlocks> blocks_;
  Cross silence_;  // a whole window of it
  std::optional<Encoder> encoder_;
  std::optional<Decoder> decoder_;
};

}  // namespace serval::whisper
