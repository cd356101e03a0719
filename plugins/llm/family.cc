#include "plugins/llm/family.h"

#include <string>

namespace serval::llm {
namespace {

constexpr Family kFamilies[] = {
    {"llama", RopeLayout::adjacent, false},  // converters permute Wq and Wk to adjacent pairs
    {"qwen2", RopeLayout::halves, true},
};

}  // namespace

Result<Family> find_family(std::string_view architecture) {
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.architecture == architecture) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  return error(Code::unimplemented, "architecture \"" + std::string(architecture.substr(0, 64)) +
                                        "\" is not supported; known: " + known);
}

}  // namespace serval::llm
