// A table of 16 bits for every code point: 256 codes share a page, and pages that are alike are
// kept once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace serval {

class CharPages {
 public:
  // runs: code point << bits | value, ascending; a run lasts until the next begins.
  CharPages(std::span<const uint32_t> runs, int bits) {
    std::size_t run = 0;
    for (int page = 0; page < kPages; ++page) {
      std::array<uint16_t, 256> values;
      for (int i = 0; i < 256; ++i) {
        const uint32_t code = uint32_t(page) << 8 | uint32_t(i);
        while (run + 1 < runs.size() && runs[run + 1] >> bits <= code) ++run;
        values[std::size_t(i)] = uint16_t(runs[run] & ((1u << bits) - 1));
      }
      const auto same = std::find(pages_.begin(), pages_.end(), values);
      page_[page] = uint16_t(same - pages_.begin());
      if (same == pages_.end()) pages_.push_back(values);
    }
  }

  // REQUIRES: code <= 0x10FFFF
  uint16_t of(char32_t code) const { return pages_[page_[code >> 8]][code & 0xFF]; }

 private:
  static constexpr int kPages = 0x110000 >> 8;
  uint16_t page_[kPages] = {};
  std::vector<std::array<uint16_t, 256>> pages_;
};

}  // namespace serval
