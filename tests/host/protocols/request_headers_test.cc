#include "host/protocols/request_headers.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

Request apply(std::initializer_list<std::pair<const char*, const char*>> fields,
              bool streams = false, int32_t cap = -3) {
  HttpRequest http;
  for (const auto& [name, value] : fields) http.headers.add(name, value);
  http.principal.tenant = "acme";
  http.principal.priority_cap = cap;
  http.request_id = "id";
  http.received_ns = 1'000'000'000;
  Request request;
  EXPECT_TRUE(apply_headers(http, streams, request));
  return request;
}

TEST(RequestHeaders, WhoAndWhich) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Request request = apply({{"traceparent", trace.c_str()}});
  EXPECT_EQ(request.tenant, "acme");
  EXPECT_EQ(request.request_id, "id");
  EXPECT_EQ(request.traceparent, trace);
  for (const char* bad : {"x", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                          "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    EXPECT_EQ(apply({{"traceparent", bad}}).traceparent, "");
}

TEST(RequestHeaders, PriorityIsCapped) {
  EXPECT_EQ(apply({}).priority, 0);
  EXPECT_EQ(apply({{"priority", "u=0"}}).priority, -3);
  EXPECT_EQ(apply({{"priority", "i, u=7"}}).priority, 4);
  EXPECT_EQ(apply({{"priority", "u=0"}}, false, 1).priority, 1);
  EXPECT_EQ(apply({}, false, 1).priority, 1);
  for (const char* bad : {"u=8", "u", "u=-1", "urgent", "u=10"})
    EXPECT_EQ(apply({{"priority", bad}}).priority, 0) << bad;
}

TEST(RequestHeaders, Deadlines) {
  EXPECT_EQ(apply({}).deadline_ns, 0u);
  EXPECT_EQ(apply({{"x-request-timeout-ms", "250"}}).deadline_ns, 1'250'000'000u);
  // What the client waits for on one read: the whole reply if it comes in one piece.
  EXPECT_EQ(apply({{"x-stainless-read-timeout", "2.5"}}).deadline_ns, 3'500'000'000u);
  EXPECT_EQ(apply({{"x-stainless-read-timeout", "2.5"}}, true).deadline_ns, 0u);
  EXPECT_EQ(apply({{"x-stainless-read-timeout", "2"}, {"x-request-timeout-ms", "1"}}).deadline_ns,
            1'001'000'000u);
  for (const char* no_hint : {"", "x", "-1", "0", "nan", "inf", "1e300"})
    EXPECT_EQ(apply({{"x-stainless-read-timeout", no_hint}}).deadline_ns, 0u) << no_hint;
}

TEST(RequestHeaders, NonsenseTimeoutsAreRefused) {
  for (const char* bad : {"", "0", "-5", "1.5", "abc", "86400001", "99999999999999999999"}) {
    HttpRequest http;
    http.headers.add("x-request-timeout-ms", bad);
    Request request;
    const Status status = apply_headers(http, false, request);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().param, "x-request-timeout-ms");
  }
}

}  // namespace
}  // namespace serval::host
