#include "host/net/http_head.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

constexpr HeadLimits kLimits{100, 1000, 10};

// Scans and parses; the fault's status, 0 if all is well, -1 if the head is not complete.
int status_of(const std::string& text, HttpHead* out = nullptr) {
  HeadScanner scanner;
  std::size_t end = 0;
  if (const HttpFault fault = scanner.scan(text, kLimits, end)) return fault.status;
  if (end == 0) return -1;
  HttpHead head;
  const HttpFault fault = parse_head(std::string_view(text).substr(0, end), kLimits, head);
  if (out != nullptr) *out = head;
  return fault.status;
}

struct Case {
  const char* name;
  std::string text;
  int status;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class HttpHeadTable : public testing::TestWithParam<Case> {};

TEST_P(HttpHeadTable, IsAcceptedOrRefused) {
  EXPECT_EQ(status_of(GetParam().text), GetParam().status);
}

std::string with(const std::string& fields) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

const Case kCases[] = {
    {"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"http10_without_host", "GET / HTTP/1.0\r\n\r\n", 0},
    {"absolute_form", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"length", with("Content-Length: 5\r\n"), 0},
    {"chunked", with("Transfer-Encoding: Chunked\r\n"), 0},
    {"high_bytes_in_value", with("X-A: \xc3\xa4\r\n"), 0},
    {"incomplete", "GET / HTTP/1.1\r\nHost: a\r\n", -1},
    {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two_hosts", with("Host: b\r\n"), 400},
    {"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"bare_lf", "GET / HTTP/1.1\nHost: a\n\n", 400},
    {"bare_lf_in_field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
    {"bare_cr_in_field", with("X: a\rb\r\n"), 400},
    {"folded", with("X: a\r\n b\r\n"), 400},
    {"folded_first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"space_before_colon", with("X : a\r\n"), 400},
    {"no_colon", with("X\r\n"), 400},
    {"empty_name", with(": a\r\n"), 400},
    {"control_in_value", with(std::string("X: a\0b\r\n", 8)), 400},
    {"two_lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
    {"length_list", with("Content-Length: 5, 5\r\n"), 400},
    {"length_sign", with("Content-Length: +5\r\n"), 400},
    {"length_hex", with("Content-Length: 0x5\r\n"), 400},
    {"length_empty", with("Content-Length:\r\n"), 400},
    {"length_overflow", with("Content-Length: 99999999999999999999\r\n"), 400},
    {"length_and_chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"two_codings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"other_coding", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"coding_with_garbage", with("Transfer-Encoding: xchunked\r\n"), 501},
    {"chunked_in_http10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"expectation", with("Expect: something\r\n"), 417},
    {"two_words", "GET /\r\nHost: a\r\n\r\n", 400},
    {"space_in_target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"no_slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"authority_only", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"bad_method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"bad_version", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400},
    {"lower_case_version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 12), 400},
    {"long_target", "GET /" + std::string(101, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
    {"endless_target", "GET /" + std::string(200, 'a'), 414},
    {"large_header", with("X: " + std::string(1000, 'a') + "\r\n"), 431},
    {"endless_header", "GET / HTTP/1.1\r\nX: " + std::string(1000, 'a'), 431},
    {"many_fields", with("A:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\nA:1\r\n"),
     431},
};

INSTANTIATE_TEST_SUITE_P(Table, HttpHeadTable, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(HttpHead, GivesItsParts) {
  HttpHead head;
  ASSERT_EQ(status_of("POST http://h:1/a/b?c=d HTTP/1.1\r\nHost: h\r\nX-Y:  v w \r\n"
                      "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\nrest",
                      &head),
            0);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c=d");
  EXPECT_EQ(head.headers.get("x-y"), "v w");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_TRUE(head.keep_alive);
}

TEST(HttpHead, KeepAliveFollowsVersionAndConnection) {
  const auto keeps = [](const std::string& text) {
    HttpHead head;
    EXPECT_EQ(status_of(text, &head), 0);
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

// However the bytes are cut, the head ends at the same place.
TEST(HttpHead, EndIsFoundInAnyPieces) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2";
  const std::size_t want = text.find("\r\n\r\n") + 4;
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    HeadScanner scanner;
    std::size_t end = 0;
    EXPECT_FALSE(scanner.scan(text.substr(0, cut), kLimits, end));
    if (end == 0) {
      EXPECT_FALSE(scanner.scan(text, kLimits, end));
    }
    EXPECT_EQ(end, want) << cut;
  }
}

}  // namespace
}  // namespace serval::host
