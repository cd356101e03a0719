// Runs an operation that gives one result an item (embed, rerank, classify, ...) and makes one
// answer of the results, in the order of the items whatever the order they come in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/models/registry.h"
#include "host/net/http_message.h"
#include "host/request/call.h"

namespace serval::host {

// What the whole answer took.
struct ItemUsage {
  int64_t prompt_tokens = 0;
  uint64_t queue_ns = 0, run_ns = 0;
};

// How results look to the client.
struct ItemForm {
  uint32_t kind = 0;  // SERVAL_EVENT_* that results have
  // Writes what the answer needs of one result. Each item once, in any order.
  std::function<Status(const Event& event, std::string& piece)> item;
  // The body, of the pieces in the order of the items.
  std::function<Result<std::string>(const std::vector<std::string>& pieces, const ItemUsage& usage)>
      body;
  std::function<void(const ItemUsage& usage, HttpResponse& response)> headers;  // may be empty
  HttpResponse (*error)(const Error& error) = nullptr;
};

// One request to the model, and where in the answer its items stand.
struct ItemPart {
  Request request;               // without a model
  std::vector<uint32_t> places;  // of its items; empty: item i is the answer's item i
};

struct ItemSetup {
  ModelRegistry* registry = nullptr;
  // Tried in this order: the next one when a model says that it does not do this.
  std::vector<std::string> models;
  // Called, before the next one is tried, with the model that refused. May be empty.
  std::function<void(const std::string& model)> refused;
  std::vector<ItemPart> parts;
  std::size_t items = 0;  // of the answer
  ItemForm form;
  std::size_t response_bytes = 0;  // most bytes gathered
};

// The answer, or the error that came at once. Requests that still run when the reply is destroyed
// are cancelled. REQUIRES: models and parts are not empty
Handled answer_items(ItemSetup setup);

// Pieces as a JSON array.
std::string joined(const std::vector<std::string>& pieces);

// A form's `item` and `body` for results that are JSON arrays already: [[..],[..]], or only the
// first one with `single`.
ItemForm json_items(bool single);

}  // namespace serval::host
