#include "plugins/llm/families/families.h"

#include <algorithm>
#include <string>

#include "plugins/llm/routing.h"

namespace serval::llm {
namespace {

constexpr const Family* kFamilies[] = {&kLlama, &kQwen2, &kQwen3, &kQwen3Moe, &kGemma3};

}  // namespace

Result<const Family*> find_family(std::string_view architecture) {
  std::string known;
  for (const Family* family : kFamilies) {
    if (family->architecture == architecture) return family;
    known += (known.empty() ? "" : ", ") + std::string(family->architecture);
  }
  return error(Code::unimplemented, "architecture \"" + std::string(architecture.substr(0, 64)) +
                                        "\" is not supported; known: " + known);
}

void read_experts(ShapeReader& read, ModelShape& shape) {
  ExpertShape& experts = shape.experts;
  experts.count = read.integer("expert_count", 0, 4096, 0);
  if (experts.count == 0) return;
  experts.used = read.integer("expert_used_count", 1, std::min(experts.count, kMostExpertsUsed));
  experts.feed_forward = read.integer("expert_feed_forward_length", 1, 1 << 20, shape.feed_forward);
  experts.normalise = read.boolean("expert_weights_norm", true);
  constexpr int kSoftmax = 1;
  if (read.integer("expert_gating_func", 0, 255, kSoftmax) != kSoftmax)
    read.refuse("an expert_gating_func other than softmax");
  for (LayerShape& layer : shape.layer) layer.experts = true;
}

}  // namespace serval::llm
