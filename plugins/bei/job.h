// One request under way. The engine owns it; the scheduler sees its Flow.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"
#include "plugins/bei/client.h"
#include "plugins/bei/model.h"
#include "plugins/bei/params.h"
#include "plugins/bei/scheduler.h"

namespace serval::bei {

// A text of the request, or a pair.
struct Item {
  TextEncoding encoding;    // once it is tokenized, until it has its result
  int next_copy = -1;       // the next item with the same input: it gets the same result
  bool copy = false;        // of an item before it: not started when its turn comes
  std::vector<float> kept;  // rerank by embeddings: the vector, until the query has its own
};

struct Job : Flow {
  uint64_t id = 0;
  std::unique_ptr<Client> client;
  Op op = Op::embed;
  Want want = Want::pooled;
  RequestParams params;
  std::vector<std::string_view> inputs;  // the client's, until it is finished
  std::string space;                     // whose results may be shared
  std::vector<Item> items;
  std::size_t next = 0;   // items before it have been started
  std::deque<int> again;  // items to start once more: their tokens were thrown away
  int tokenizing = 0;     // items in the tokenizer
  std::size_t open = 0;   // items without a result
  int64_t prompt_tokens = 0;
  std::vector<float> scores;   // rerank: of each text
  std::vector<float> query;    // rerank by embeddings: its vector
  std::size_t kept_bytes = 0;  // about, of results that its slow reader has no room for
  std::optional<Error> failure;
  bool ending = false;  // failed or cancelled: gone as soon as the tokenizer has let go of it

  bool reranks_embeddings(Task task) const { return op == Op::rerank && task == Task::embed; }
};

// The job with its items, copies found. Errors name the parameter at fault.
Result<std::unique_ptr<Job>> make_job(uint64_t id, std::string_view op,
                                      std::vector<std::string_view> inputs,
                                      std::string_view params_json, const ModelFacts& facts);

// What item i is made of. second: of pairs only.
struct ItemText {
  std::string_view prompt, first, second;
  bool pair = false;
};
ItemText item_text(const Job& job, std::size_t i, const ModelFacts& facts);

}  // namespace serval::bei
