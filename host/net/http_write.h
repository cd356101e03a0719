// Response heads and the identifiers that go into them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "host/net/http_message.h"

namespace serval::host {

std::string_view reason_phrase(int status);

struct HeadOptions {
  bool keep_alive = true;
  bool http10 = false;  // say keep-alive in words; streamed bodies end with the connection
  std::string_view request_id;
};

// Appends status line and fields. A streamed response is announced as chunked (HTTP/1.1).
void write_head(std::string& out, const HttpResponse& response, const HeadOptions& options);

// A new UUID, version 7 (RFC 9562): unique, sorts by time.
std::string new_request_id();

// Letters, digits and . _ : / + = -, at most 128: safe in logs and headers as it is.
bool is_valid_request_id(std::string_view text);

}  // namespace serval::host
