#include "host/net/http_write.h"

#include <gtest/gtest.h>
#include <set>

namespace serval::host {
namespace {

TEST(HttpWrite, HeadHoldsLengthDateAndId) {
  HttpResponse response;
  response.status = 404;
  response.headers.add("content-type", "text/plain");
  response.body = "abc";
  std::string out;
  write_head(out, response, {true, false, "id-1"});
  EXPECT_EQ(out.substr(0, 24), "HTTP/1.1 404 Not Found\r\n");
  EXPECT_NE(out.find("content-length: 3\r\n"), std::string::npos);
  EXPECT_NE(out.find("x-request-id: id-1\r\n"), std::string::npos);
  EXPECT_NE(out.find(" GMT\r\n"), std::string::npos);
  EXPECT_EQ(out.find("connection:"), std::string::npos);
  EXPECT_EQ(out.substr(out.size() - 4), "\r\n\r\n");
}

TEST(HttpWrite, StreamsAreChunkedAndCloseIsSaid) {
  HttpResponse response;
  response.streamed = true;
  std::string out;
  write_head(out, response, {false, false, ""});
  EXPECT_NE(out.find("transfer-encoding: chunked\r\n"), std::string::npos);
  EXPECT_NE(out.find("connection: close\r\n"), std::string::npos);
  EXPECT_EQ(out.find("content-length"), std::string::npos);
}

TEST(RequestId, IsAVersion7UuidAndUnique) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_request_id();
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[14], '7');
    EXPECT_TRUE(std::string("89ab").find(id[19]) != std::string::npos);
    EXPECT_TRUE(is_valid_request_id(id));
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(RequestId, OthersAreCheckedBeforeUse) {
  EXPECT_TRUE(is_valid_request_id("req_abc/1:2-3.4"));
  for (const char* bad : {"", "a b", "a\r\nx: y", "\"", "\xc3\xa4"})
    EXPECT_FALSE(is_valid_request_id(bad)) << bad;
  EXPECT_FALSE(is_valid_request_id(std::string(129, 'a')));
}

}  // namespace
}  // namespace serval::host
