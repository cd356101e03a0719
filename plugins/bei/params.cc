#include "plugins/bei/params.h"

#include "common/formats/quoted_name.h"
#include "common/json_reader.h"

namespace serval::bei {
namespace {

constexpr std::size_t kMostPromptBytes = std::size_t(1) << 16;

// What a model of the task makes, for refusals.
const char* product(Task task) {
  switch (task) {
    case Task::embed:
      return "embeddings";
    case Task::sequence:
      return "classes of texts";
    case Task::rerank:
      return "scores of pairs of texts";
    case Task::reward:
      return "scores of texts";
    case Task::token:
      return "classes of tokens";
  }
  return "";
}

void read_token_ids(JsonReader& reader, const ModelFacts& facts, RequestParams& params) {
  const json::value* value = reader.value("token_ids");
  if (value == nullptr) return;
  const auto wrong = [&] {
    reader.fail("token_ids", "token_ids must be arrays of token ids from 0 to " +
                                 std::to_string(facts.vocab - 1));
  };
  if (!value->is_array()) return wrong();
  params.token_ids.emplace();
  for (const json::value& item : value->get_array()) {
    if (!item.is_array()) return wrong();
    std::vector<int32_t>& tokens = params.token_ids->emplace_back();
    tokens.reserve(item.get_array().size());
    for (const json::value& id : item.get_array()) {
      const int64_t token = id.is_int64() ? id.get_int64() : -1;
      if (token < 0 || token >= facts.vocab) return wrong();
      tokens.push_back(int32_t(token));
    }
  }
}

void read_prompt(JsonReader& reader, const ModelFacts& facts, RequestParams& params) {
  std::string name = facts.default_prompt;
  const bool named = reader.value("prompt_name") != nullptr;
  reader.read("prompt_name", name);
  if (!name.empty()) {
    const auto found = facts.prompts.find(name);
    if (found != facts.prompts.end()) {
      params.prompt = found->second;
    } else {
      std::string known;
      for (const auto& [key, text] : facts.prompts) known += (known.empty() ? "" : ", ") + key;
      reader.fail("prompt_name", "prompt_name is " + quoted_name(name) + "; this model has " +
                                     (known.empty() ? "no prompts" : "the prompts " + known));
    }
  }
  const bool given = reader.value("prompt") != nullptr;
  if (given && named) reader.fail("prompt", "only one of prompt and prompt_name may be given");
  reader.read("prompt", params.prompt);
  if (params.prompt.size() > kMostPromptBytes)
    reader.fail("prompt", "prompt has " + std::to_string(params.prompt.size()) +
                              " bytes; at most 65536 are taken");
}

void read_truncation(JsonReader& reader, RequestParams& params) {
  reader.read("truncate", params.truncate);
  std::string side = "right";
  reader.read("truncation_side", side);
  if (side != "right" && side != "left")
    reader.fail("truncation_side",
                "truncation_side is " + quoted_name(side) + "; it must be right or left");
  params.keep_end = side == "left";
}

void read_pooling(JsonReader& reader, RequestParams& params) {
  std::string pooling = "model";
  reader.read("pooling", pooling);
  if (pooling == "none") params.pooling = OutputPooling::none;
  if (pooling == "sparse") params.pooling = OutputPooling::sparse;
  if (pooling != "model" && pooling != "none" && pooling != "sparse")
    reader.fail("pooling",
                "pooling is " + quoted_name(pooling) + "; it must be model, none or sparse");
}

void read_embed(JsonReader& reader, const ModelFacts& facts, RequestParams& params) {
  read_token_ids(reader, facts, params);
  read_pooling(reader, params);
  params.normalize = facts.normalize;
  reader.read("normalize", params.normalize);
  reader.read("dimensions", params.dimensions, 1, facts.width);
  if (params.dimensions > 0 && params.pooling != OutputPooling::model)
    reader.fail("dimensions", "dimensions are of a text's one vector: pooling must be model");
  read_prompt(reader, facts, params);
  read_truncation(reader, params);
}

}  // namespace

Result<Op> find_op(std::string_view name) {
  constexpr std::pair<std::string_view, Op> kOps[] = {
      {"embed", Op::embed},       {"rerank", Op::rerank},         {"classify", Op::classify},
      {"tokenize", Op::tokenize}, {"detokenize", Op::detokenize}, {"describe", Op::describe}};
  for (const auto& [known, op] : kOps)
    if (name == known) return op;
  return error(Code::unimplemented, "operation " + quoted_name(name) + " is not known");
}

const char* task_name(Task task) {
  switch (task) {
    case Task::embed:
      return "embed";
    case Task::sequence:
      return "classify";
    case Task::rerank:
      return "rerank";
    case Task::reward:
      return "reward";
    case Task::token:
      return "token_classify";
  }
  return "";
}

const char* pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::mean:
      return "mean";
    case Pooling::cls:
      return "cls";
    case Pooling::last:
      return "last";
    case Pooling::max:
      return "max";
  }
  return "";
}

Status check_op(Op op, const ModelFacts& facts) {
  const auto refuse = [&](const char* what) {
    return error(Code::unimplemented,
                 std::string("this model has no ") + what + "; it makes " + product(facts.task));
  };
  const bool embeds = facts.task == Task::embed;
  if (op == Op::embed && !embeds) return refuse("embeddings");
  if (op == Op::classify && embeds) return refuse("classifier");
  if (op == Op::rerank && !embeds && facts.task != Task::rerank) return refuse("reranker");
  return {};
}

Result<RequestParams> parse_params(Op op, std::string_view params_json, const ModelFacts& facts) {
  const Result<json::object> parsed = parse_json_object(params_json.empty() ? "{}" : params_json,
                                                        "the parameters must be a JSON object");
  if (!parsed) return parsed.error();
  JsonReader reader(*parsed);
  RequestParams params;
  switch (op) {
    case Op::embed:
      read_embed(reader, facts, params);
      break;
    case Op::rerank:
      reader.read("raw_scores", params.raw_scores);
      read_truncation(reader, params);
      break;
    case Op::classify:
      reader.read("pairs", params.pairs);
      reader.read("raw_scores", params.raw_scores);
      read_truncation(reader, params);
      break;
    case Op::tokenize:
      reader.read("add_special_tokens", params.add_special_tokens);
      read_prompt(reader, facts, params);
      break;
    case Op::detokenize:
      read_token_ids(reader, facts, params);
      reader.read("skip_special_tokens", params.skip_special_tokens);
      if (!params.token_ids) reader.fail("token_ids", "token_ids must be given");
      break;
    case Op::describe:
      break;
  }
  if (params.pairs && facts.task == Task::token)
    reader.fail("pairs", "pairs are not for classes of tokens");
  if (const Status status = reader.finish(); !status) return status.error();
  if (params.pooling == OutputPooling::sparse && !facts.sparse)
    return error(Code::unimplemented,
                 "this model has no head for masked words, which sparse embeddings are made by",
                 "pooling");
  return params;
}

}  // namespace serval::bei
