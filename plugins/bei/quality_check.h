// Whether a model in a lower precision still gives what it gives in f32: some texts through both.
#pragma once

#include <string>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"
#include "plugins/bei/config.h"
#include "plugins/bei/model.h"
#include "plugins/bei/params.h"

namespace serval::bei {

// Results of the check's texts, by one model.
using CheckResults = std::vector<std::vector<float>>;
CheckResults run_check(Model& model, const TextTokenizer& tokenizer, const ModelFacts& facts);

struct Nearness {
  // Embeddings: cosines to the exact vectors. Scores: 1 less the greatest difference of a
  // probability; of a reward, which has no scale, less that of its sigmoid.
  double mean = 1, least = 1;
  bool holds = true;  // within the limits of the precision: docs/bei.md
  std::string text() const;
};
Nearness compare(const CheckResults& exact, const CheckResults& judged, const ModelFacts& facts,
                 Precision precision);

}  // namespace serval::bei
