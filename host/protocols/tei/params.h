// Bodies of text-embeddings-inference's routes, checked and turned into requests. Everything that
// is wrong or unknown is refused with its name.
#pragma once

#include <string>
#include <vector>

#include "common/json_reader.h"
#include "host/protocols/item_inputs.h"

namespace serval::host {

struct TeiCall {
  std::string op;
  std::string what;  // the operation, and what of it not every model has
  std::vector<ItemPart> parts;
  std::size_t items = 0;  // of the answer
  std::size_t batch = 0;  // inputs the client has sent
  ItemForm form;          // item and body
  std::string empty;      // not "": what has nothing in it
};

// Errors are kept by the reader; `model` is read by the caller.
using TeiParse = TeiCall (*)(JsonReader& reader);
TeiCall parse_tei_embed(JsonReader& reader);
TeiCall parse_tei_embed_all(JsonReader& reader);
TeiCall parse_tei_embed_sparse(JsonReader& reader);
TeiCall parse_tei_similarity(JsonReader& reader);
TeiCall parse_tei_tokenize(JsonReader& reader);
TeiCall parse_tei_decode(JsonReader& reader);
TeiCall parse_tei_rerank(JsonReader& reader);
TeiCall parse_tei_predict(JsonReader& reader);

// truncate and truncation_direction, as parameters of an operation.
void read_tei_truncation(JsonReader& reader, json::object& plugin);

}  // namespace serval::host
