#include "plugins/bei/job.h"

#include <functional>
#include <unordered_map>

namespace serval::bei {
namespace {

// The answer to tokenize is some twenty times as long as the text.
constexpr std::size_t kMostTokenizedBytes = std::size_t(1) << 20;

Want want_of(Op op, const RequestParams& params, const ModelFacts& facts) {
  if (op == Op::classify) return facts.task == Task::token ? Want::token_classes : Want::classes;
  if (op == Op::rerank && facts.task == Task::rerank) return Want::classes;
  if (params.pooling == OutputPooling::none) return Want::states;
  if (params.pooling == OutputPooling::sparse) return Want::sparse;
  return Want::pooled;
}

// How many items the inputs make.
Result<std::size_t> count_items(const Job& job, const ModelFacts& facts) {
  const std::size_t inputs = job.inputs.size();
  if (job.params.token_ids) {
    if (inputs > 0) return invalid("either texts or token_ids may be given", "token_ids");
    return job.params.token_ids->size();
  }
  if (job.op == Op::rerank) {
    if (inputs < 2) return invalid("rerank wants a query and at least one text", "texts");
    return facts.task == Task::rerank ? inputs - 1 : inputs;
  }
  if (!job.params.pairs) return inputs;
  if (inputs % 2 != 0)
    return invalid("pairs wants an even number of texts; there are " + std::to_string(inputs),
                   "pairs");
  return inputs / 2;
}

// What makes two items equal. Token ids are compared as their bytes.
std::pair<std::string_view, std::string_view> identity(const Job& job, std::size_t i,
                                                       const ModelFacts& facts) {
  if (!job.params.token_ids) {
    const ItemText text = item_text(job, i, facts);
    return {text.first, text.second};
  }
  const std::vector<int32_t>& tokens = (*job.params.token_ids)[i];
  return {{reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(int32_t)}, {}};
}

void find_copies(Job& job, const ModelFacts& facts) {
  using Key = std::pair<std::string_view, std::string_view>;
  const auto hash = [](const Key& key) {
    const std::hash<std::string_view> part;
    return part(key.first) * 31 + part(key.second);
  };
  std::unordered_map<Key, int, decltype(hash)> last(job.items.size(), hash);
  // The query has a prompt of its own and is no copy of a text.
  for (std::size_t i = job.reranks_embeddings(facts.task) ? 1 : 0; i < job.items.size(); ++i) {
    const auto [found, fresh] = last.try_emplace(identity(job, i, facts), int(i));
    if (fresh) continue;
    job.items[std::size_t(found->second)].next_copy = int(i);
    job.items[i].copy = true;
    found->second = int(i);
  }
}

std::string_view prompt_named(const ModelFacts& facts, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto found = facts.prompts.find(name); found != facts.prompts.end())
      return found->second;
  const auto plain = facts.prompts.find(facts.default_prompt);
  return plain == facts.prompts.end() ? std::string_view() : plain->second;
}

}  // namespace

ItemText item_text(const Job& job, std::size_t i, const ModelFacts& facts) {
  if (job.op == Op::rerank) {
    if (facts.task == Task::rerank) return {{}, job.inputs[0], job.inputs[i + 1], true};
    return {i == 0 ? prompt_named(facts, {"query"}) : prompt_named(facts, {"document", "passage"}),
            job.inputs[i],
            {},
            false};
  }
  if (job.params.pairs) return {{}, job.inputs[2 * i], job.inputs[2 * i + 1], true};
  return {job.params.prompt, job.inputs[i], {}, false};
}

Result<std::unique_ptr<Job>> make_job(uint64_t id, std::string_view op,
                                      std::vector<std::string_view> inputs,
                                      std::string_view params_json, const ModelFacts& facts) {
  const Result<Op> known = find_op(op);
  if (!known) return known.error();
  if (const Status can = check_op(*known, facts); !can) return can.error();
  Result<RequestParams> params = parse_params(*known, params_json, facts);
  if (!params) return params.error();
  auto job = std::make_unique<Job>();
  job->id = id;
  job->op = *known;
  job->want = want_of(*known, *params, facts);
  job->params = std::move(*params);
  job->inputs = std::move(inputs);
  const bool without_inputs = *known == Op::detokenize || *known == Op::describe;
  if (without_inputs && !job->inputs.empty())
    return invalid("operation " + std::string(op) + " takes no texts");
  const Result<std::size_t> count =
      *known == Op::describe ? std::size_t(1) : count_items(*job, facts);
  if (!count) return count.error();
  if (*count == 0)
    return invalid("there is no text", job->params.token_ids ? "token_ids" : "texts");
  const std::size_t texts = job->op == Op::rerank ? job->inputs.size() - 1 : *count;
  if (texts > std::size_t(facts.max_items))
    return error(Code::out_of_range,
                 "there are " + std::to_string(texts) + " texts; at most " +
                     std::to_string(facts.max_items) + " are taken",
                 "texts");
  if (job->op == Op::tokenize)
    for (std::size_t i = 0; i < job->inputs.size(); ++i)
      if (job->inputs[i].size() > kMostTokenizedBytes)
        return error(Code::out_of_range,
                     "input " + std::to_string(i) + " has " +
                         std::to_string(job->inputs[i].size()) +
                         " bytes; at most 1048576 are tokenized for a client",
                     "texts");
  job->items.resize(*count);
  job->open = *count;
  if (job->op == Op::rerank) job->scores.resize(texts);
  if (*count > 1 && !without_inputs) find_copies(*job, facts);
  return job;
}

}  // namespace serval::bei
