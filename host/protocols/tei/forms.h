// The shapes of text-embeddings-inference's answers: `item` and `body` of forms.
#pragma once

#include <string>
#include <vector>

#include "host/protocols/item_reply.h"

namespace serval::host {

// Vectors [[0.1, ..], ..], rank 1, or matrices of the tokens' vectors, rank 2.
ItemForm tei_tensors(std::size_t rank);

// Cosines of item 0 and each of the others: [0.9, ..].
ItemForm tei_similarity();

// Scores of one item, best first: [{"index":1,"score":0.9}, ..], with the texts if there are any.
ItemForm tei_ranks(std::size_t count, std::vector<std::string> texts);

// ["text", ..]
ItemForm tei_texts();

}  // namespace serval::host
