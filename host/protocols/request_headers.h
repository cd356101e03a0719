// What the header of any inference request says about how to serve it.
#pragma once

#include <string_view>

#include "host/net/http_message.h"
#include "host/request/request.h"

namespace serval::host {

// Fills tenant, request_id, traceparent, priority and deadline_ns:
//   x-request-timeout-ms      1 to 86,400,000, counted from the end of the header
//   x-stainless-read-timeout  seconds after which this client gives up on a silent server: a
//                             deadline for replies that come in one piece, when no other is given
//   priority                  RFC 9218: u=0 (first) to u=7, default 3; becomes Request.priority
//   u-3,
//                             never below the principal's cap. Others of its members are ignored.
//   traceparent               dropped unless well-formed
// invalid_argument: x-request-timeout-ms is not such a number.
Status apply_headers(const HttpRequest& http, bool streams, Request& request);

// Whether a Content-Type says JSON, or nothing.
bool is_json_type(std::string_view content_type);

// The reply to a request that failed, with a JSON body in the protocol's form and what clients need
// to know for a retry: retry-after, retry-after-ms and x-should-retry.
HttpResponse error_reply(int status, const Error& error, std::string body);

// The head of a reply that is a stream of server-sent events.
HttpResponse event_stream();

// Milliseconds since then, as text.
std::string elapsed_ms(uint64_t since_ns);

}  // namespace serval::host
