#include "plugins/llm/families/families.h"

#include <algorithm>
#include <string>

#include "plugins/llm/routing.h"

namespace serval::llm {
namespace {

constexpr const Family* kFamilies[] = {&kLlama,    &kQwen2,  &kQwen3,
                                       &kQwen3Moe, &kGemma3, &kDeepseek2};

void read_gating(ShapeReader& read, ModelShape& shape) {
  constexpr int kSaysNothing = 0;
  const int gating = read.integer("expert_gating_func", 0, 255, kSaysNothing);
  if (gating == kSaysNothing) {
    // Only routers with sigmoids have a bias for the choice.
    for (int i = 0; i < shape.layers; ++i)
      if (read.file().find_tensor("blk." + std::to_string(i) + ".exp_probs_b.bias") != nullptr)
        shape.experts.gating = Gating::sigmoid;
    return;
  }
  shape.experts.gating = Gating(gating);
  if (shape.experts.gating != Gating::softmax && shape.experts.gating != Gating::sigmoid)
    read.refuse("an expert_gating_func of " + std::to_string(gating));
}

void read_groups(ShapeReader& read, ExpertShape& experts) {
  experts.groups = read.integer("expert_group_count", 0, kMostExpertGroups, 0);
  if (experts.groups == 0) experts.groups = 1;
  experts.groups_used = read.integer("expert_group_used_count", 0, experts.groups, experts.groups);
  if (experts.groups_used == 0) experts.groups_used = experts.groups;
  if (!read.status()) return;
  if (experts.count % experts.groups != 0)
    return read.reject("expert_count is not a multiple of expert_group_count");
  if (experts.used > experts.count / experts.groups * experts.groups_used)
    read.reject("expert_used_count is more than expert_group_used_count groups hold");
}

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
  experts.scale = float(read.real("expert_weights_scale", 0, 1e6, 1));
  read_gating(read, shape);
  read_groups(read, experts);
  for (LayerShape& layer : shape.layer) layer.experts = true;
}

}  // namespace serval::llm
