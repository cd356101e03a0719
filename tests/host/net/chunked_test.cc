#include "host/net/chunked.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

struct Decoded {
  int status;
  bool done;
  std::string body, rest;
};

Decoded decode(const std::string& text, std::size_t piece, std::size_t limit = 100) {
  ChunkedDecoder decoder(limit, 64);
  Decoded out{0, false, "", ""};
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string part = text.substr(at, piece);
    std::string_view input = part;
    const HttpFault fault = decoder.feed(input, out.body);
    out.status = fault.status;
    out.rest += input;
    if (fault) break;
  }
  out.done = decoder.done();
  return out;
}

TEST(Chunked, DecodesInAnyPieces) {
  const std::string text = "5\r\nhello\r\n1;a=b\r\n \r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\nnext";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Decoded got = decode(text, piece);
    EXPECT_EQ(got.status, 0) << piece;
    EXPECT_TRUE(got.done);
    EXPECT_EQ(got.body, "hello 0123456789");
    EXPECT_EQ(got.rest, "next");
  }
}

TEST(Chunked, RefusesWhatIsMalformed) {
  for (const char* text :
       {"\r\n", "g\r\n", "5\nhello", "5\r\nhelloX\r\n", "5\r\nhello\rX", "-1\r\n", "0x5\r\n",
        "1000000000000000\r\n", "5 x\n", "0\r\nX: y\n\r\n", "0\r\n\rX"}) {
    EXPECT_EQ(decode(text, 1).status, 400) << text;
  }
  EXPECT_EQ(decode("1;" + std::string(400, 'a'), 7).status, 400);
  EXPECT_EQ(decode("0\r\n" + std::string(65, 'a'), 7).status, 431);
}

TEST(Chunked, RefusesMoreThanTheLimitBeforeTakingIt) {
  EXPECT_EQ(decode("65\r\n", 1).status, 413);
  EXPECT_EQ(decode("64\r\n", 1).status, 0);
  EXPECT_EQ(decode("5\r\nhello\r\n60\r\n", 1).status, 413);
  EXPECT_EQ(decode("fffffffffffffff\r\n", 1).status, 413);
}

TEST(Chunked, WritesWhatItReads) {
  std::string wire;
  for (const std::string& data : {std::string("a"), std::string(), std::string(5000, 'b')}) {
    const std::size_t begin = begin_chunk(wire);
    wire += data;
    end_chunk(wire, begin);
  }
  wire += kLastChunk;
  const Decoded got = decode(wire, 100, 10'000);
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.body, "a" + std::string(5000, 'b'));
}

}  // namespace
}  // namespace serval::host
