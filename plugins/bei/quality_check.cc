#include "plugins/bei/quality_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "plugins/bei/outputs.h"

namespace serval::bei {
namespace {

// Of several kinds and lengths, so that activations of several sizes occur.
constexpr std::string_view kTexts[] = {
    "A man is playing a guitar on a small stage.",
    "Two children run after a brown dog in the park.",
    "How do I reset the password of my account?",
    "The invoice is due on 14 March 2024; please pay 1,250.00 euros.",
    "hello",
    "The committee will vote on the new budget next Tuesday.",
    "for (int i = 0; i < n; ++i) sum += a[i] * b[i];",
    "Der Zug nach Hamburg hat heute zwanzig Minuten Versp\xc3\xa4tung.",
    "La biblioth\xc3\xa8que ferme \xc3\xa0 dix-huit heures.",
    "Which river flows through the city of Prague?",
    "Cells take up glucose with the help of insulin, a hormone of the pancreas.",
    "I would not recommend this phone: the battery lasts half a day and the screen scratches.",
    "An absolutely wonderful film, funny and sad at the same time!",
    "Prices rose by 2.3 % in the third quarter, less than analysts had expected.",
    "Boil the potatoes for twenty minutes, drain them and mash them with butter and milk.",
    "The satellite was launched in 1998 and sent its last picture eleven years later.",
    "Meeting moved to 3 pm, room 204.",
    "\xe6\x9d\xb1\xe4\xba\xac\xe3\x81\xaf\xe4\xbb\x8a\xe6\x97\xa5\xe3\x82\x82\xe6\x99\xb4\xe3\x82"
    "\x8c\xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82",
    "Error 0x80070005: access is denied.",
    "The old harbour, once full of fishing boats, now has caf\xc3\xa9s along its whole length, "
    "and in summer people sit there until late in the evening.",
};
constexpr std::size_t kMostTokens = 64;
constexpr std::size_t kMostTokensOfAll = 256;  // of the one text that all together make

struct Limits {
  double mean, least;
};

Limits limits_of(Task task, Precision precision) {
  const bool whole = precision == Precision::int8;
  if (task == Task::embed) return whole ? Limits{0.997, 0.98} : Limits{0.9999, 0.9999};
  return whole ? Limits{0.99, 0.97} : Limits{0.998, 0.99};
}

// The greatest difference of a probability, over the texts' or the tokens' classes.
double difference(const std::vector<float>& a, const std::vector<float>& b,
                  const ModelFacts& facts) {
  const bool single =
      facts.task == Task::token || (facts.task == Task::sequence && !facts.multi_label);
  const std::size_t labels = std::max(facts.labels.size(), std::size_t(1));
  double greatest = 0;
  for (std::size_t row = 0; row + labels <= a.size(); row += labels) {
    const auto chances = [&](const std::vector<float>& from) {
      const std::span<const float> logits(from.data() + row, labels);
      return single ? softmax(logits) : sigmoids(logits);
    };
    const std::vector<float> p = chances(a), q = chances(b);
    for (std::size_t i = 0; i < labels; ++i)
      greatest = std::max(greatest, std::abs(double(p[i]) - q[i]));
  }
  return greatest;
}

}  // namespace

CheckResults run_check(Model& model, const TextTokenizer& tokenizer, const ModelFacts& facts) {
  const Want want = facts.task == Task::embed   ? Want::pooled
                    : facts.task == Task::token ? Want::token_classes
                                                : Want::classes;
  CheckResults results;
  const auto try_text = [&](std::string_view text, std::size_t most) {
    TextEncodeOptions options;
    options.max_tokens = std::min(most, std::size_t(facts.max_input_tokens));
    const TextEncoding encoding = tokenizer.encode(text, options);
    if (encoding.ids.empty() || encoding.ids.size() > std::size_t(facts.max_input_tokens)) return;
    const BatchItem item{encoding.ids, encoding.type_ids, want, &results.emplace_back()};
    model.run({&item, 1});
  };
  std::string all;
  for (const std::string_view text : kTexts) {
    try_text(text, kMostTokens);
    all.append(text).append(" ");
  }
  try_text(all, kMostTokensOfAll);
  return results;
}

Nearness compare(const CheckResults& exact, const CheckResults& judged, const ModelFacts& facts,
                 Precision precision) {
  Nearness out;
  double sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double near = facts.task == Task::embed ? double(cosine(exact[i], judged[i]))
                                                  : 1 - difference(exact[i], judged[i], facts);
    sum += near;
    out.least = std::min(out.least, near);
  }
  if (!exact.empty()) out.mean = sum / double(exact.size());
  const Limits limits = limits_of(facts.task, precision);
  // Written so that what is no number does not hold.
  out.holds = out.mean >= limits.mean && out.least >= limits.least;
  return out;
}

std::string Nearness::text() const {
  char out[64];
  std::snprintf(out, sizeof(out), "mean %.5f, least %.5f", mean, least);
  return out;
}

}  // namespace serval::bei
