// A whole model: the encoder, and what is made of its states.
#pragma once

#include <memory>
#include <vector>

#include "plugins/bei/encoder.h"
#include "plugins/bei/model.h"

namespace serval::bei {

class EncoderModel final : public Model {
 public:
  // pool, ops: live as long as this. max_tokens: of one run; longest: of one text.
  static Result<std::unique_ptr<EncoderModel>> create(ModelDescription description, Weights weights,
                                                      DenseType type, const Ops& ops,
                                                      ThreadPool& pool, int max_tokens,
                                                      int longest);

  void run(std::span<const BatchItem> items) override;

  // Of a text's vector.
  int width() const;

 private:
  EncoderModel(ModelDescription description, Weights weights, const Ops& ops, ThreadPool& pool);

  void finish(const BatchItem& item, const float* states) const;
  void sparse(const BatchItem& item, const float* states) const;
  std::vector<float> pool_states(const float* states, int tokens) const;
  // Logits [rows, outputs] of rows of states.
  std::vector<float> head(const HeadWeights& head, const float* x, int rows,
                          const RowWork& work) const;
  std::vector<float> linear(const Linear& linear, const float* x, int rows, Activation activation,
                            const RowWork& work) const;

  ModelDescription description_;
  Weights weights_;
  const Ops& ops_;
  ThreadPool& pool_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace serval::bei
