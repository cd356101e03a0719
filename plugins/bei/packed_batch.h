// The texts of one forward pass laid end to end: there is no padding anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plugins/bei/model.h"

namespace serval::bei {

struct PackedBatch {
  std::vector<int32_t> tokens;     // [T]
  std::vector<uint8_t> types;      // [T]
  std::vector<int32_t> positions;  // [T], each text's from 0
  std::vector<int> starts;         // [texts + 1]: text i is tokens [starts[i], starts[i + 1])

  explicit PackedBatch(std::span<const BatchItem> items) {
    starts.push_back(0);
    for (const BatchItem& item : items) {
      tokens.insert(tokens.end(), item.tokens.begin(), item.tokens.end());
      types.insert(types.end(), item.types.begin(), item.types.end());
      types.resize(tokens.size());
      for (std::size_t i = 0; i < item.tokens.size(); ++i) positions.push_back(int32_t(i));
      starts.push_back(int(tokens.size()));
    }
  }

  int size() const { return starts.back(); }
  int texts() const { return int(starts.size()) - 1; }
  int length(int text) const { return starts[std::size_t(text) + 1] - starts[std::size_t(text)]; }
};

}  // namespace serval::bei
