// Errors in the form of text-embeddings-inference: {"error":"..","error_type":".."}.
#pragma once

#include <string>

#include "host/net/http_message.h"

namespace serval::host {

// error_type is one of Validation, Empty, Overloaded, Unhealthy, Backend, by the status.
HttpResponse tei_error(int status, const Error& error);

// The status of its code: 422 for what is wrong in a request, 413 for too much or too long, 424 for
// what the model cannot do or failed at, 429 when the queue is full; others as everywhere.
HttpResponse tei_error(const Error& error);

// 400, Empty: `what` has nothing in it.
HttpResponse tei_empty(const std::string& what);

}  // namespace serval::host
