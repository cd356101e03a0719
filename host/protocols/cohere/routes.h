// Cohere's rerank, versions 1 and 2 of its API: POST /v1/rerank and /v2/rerank. Errors there:
// {"message": ".."}.
#pragma once

#include "host/net/router.h"
#include "host/protocols/model_choice.h"

namespace serval::host {

void add_cohere_routes(Router& router, const ItemRouteOptions& options);

}  // namespace serval::host
