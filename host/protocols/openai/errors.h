// Errors in OpenAI's form.
#pragma once

#include <string>

#include "host/net/http_message.h"

namespace serval::host {

// {"error":{"message","type","param","code"}}
std::string openai_error_json(int status, const Error& error);

// With retry-after, retry-after-ms and x-should-retry where they are known: the official clients
// retry 408, 409, 429 and all 5xx unless told otherwise.
HttpResponse openai_error(int status, const Error& error);
HttpResponse openai_error(const Error& error);  // the status of its code

// Clients look at `param` to see that it was the model that is missing.
Error about_model(Error error);

}  // namespace serval::host
