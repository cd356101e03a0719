// The routes of text-embeddings-inference: embed, embed_all, embed_sparse, similarity, tokenize,
// decode, rerank, predict, info, health. docs/requests.md names the operations behind them.
#pragma once

#include "host/net/router.h"
#include "host/protocols/model_choice.h"
#include "host/protocols/tei/info.h"

namespace serval::host {

void add_tei_routes(Router& router, const ItemRouteOptions& options, const TeiServer& server);

}  // namespace serval::host
