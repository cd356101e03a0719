// The parameters of a request. docs/requests.md lists them by operation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "plugins/bei/architecture.h"

namespace serval::bei {

enum class Op : uint8_t { embed, rerank, classify, tokenize, detokenize, describe };
// Error: unimplemented, naming it.
Result<Op> find_op(std::string_view name);

enum class OutputPooling : uint8_t { model, none, sparse };

// What requests are checked against; fixed when the model is loaded.
struct ModelFacts {
  Task task = Task::embed;
  std::string family;
  std::string dtype;  // "int8"
  Pooling pooling = Pooling::mean;
  bool normalize = false;
  bool sparse = false;  // there is a head for masked words
  bool multi_label = false;
  int width = 0;   // of a text's vector
  int hidden = 0;  // of a token's state
  int vocab = 0;
  int max_input_tokens = 0;
  int max_items = 0;
  std::vector<std::string> labels;
  std::map<std::string, std::string> prompts;
  std::string default_prompt;
  std::string similarity = "cosine";
};

struct RequestParams {
  std::optional<std::vector<std::vector<int32_t>>> token_ids;
  OutputPooling pooling = OutputPooling::model;
  bool normalize = false;
  int dimensions = 0;  // 0: all
  std::string prompt;  // stands before every text
  bool truncate = false;
  bool keep_end = false;
  bool raw_scores = false;
  bool pairs = false;
  bool add_special_tokens = true;
  bool skip_special_tokens = true;
};

// Errors: invalid_argument with the key in `param`; unimplemented for what the model cannot do.
Result<RequestParams> parse_params(Op op, std::string_view params_json, const ModelFacts& facts);

// Unimplemented, saying what the model is, if it has no head for `op`.
Status check_op(Op op, const ModelFacts& facts);

// "embeddings", "classes of texts": what a model makes.
const char* task_name(Task task);  // "embed"; of describe
const char* pooling_name(Pooling pooling);

}  // namespace serval::bei
