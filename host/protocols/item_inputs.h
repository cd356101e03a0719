// The inputs of embedding requests: texts and lists of token ids.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "host/protocols/item_reply.h"

namespace serval::host {

// "text", [1, 2], ["text", ..], [[1, 2], ..] or texts and lists of ids mixed.
struct ItemInputs {
  std::vector<std::string> texts;
  json::array token_ids;  // one array an item
  std::vector<uint32_t> text_places, id_places;
  bool single = false;  // not a list of items
  std::string empty;    // not "": what has nothing in it, for a message

  std::size_t items() const { return texts.size() + token_ids.size(); }
};

// invalid_argument with `key` in param: another shape, or a token id that is no integer from 0 to
// 2^31 - 1.
Result<ItemInputs> read_items(std::string_view key, const json::value& value);

// Only texts: "text" or ["text", ..].
Result<ItemInputs> read_texts(std::string_view key, const json::value& value);

// One request for the texts and one for the token ids, as far as there are any.
// params: those of the operation but token_ids
std::vector<ItemPart> item_parts(std::string_view op, ItemInputs inputs, json::object params);

}  // namespace serval::host
