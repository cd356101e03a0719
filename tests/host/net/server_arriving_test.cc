// Bodies that are taken as they arrive.
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

HttpResponse text(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

struct Seen {
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> most{0};
  std::atomic<int> alive{0};
};

// Answers with what it got; refuses what has a '!', throws at a '?'.
class Gather final : public BodyReceiver {
 public:
  Gather(Seen& seen, HttpRequest head, uint64_t most) : seen_(seen), head_(std::move(head)) {
    ++seen_.alive;
    seen_.most = most;
    if (head_.query == "throw") throw std::runtime_error("no");
  }
  ~Gather() override { --seen_.alive; }
  std::optional<HttpResponse> receive(std::string_view bytes) override {
    seen_.bytes += bytes.size();
    if (head_.query == "refuse") return text("refused", 415);
    if (bytes.find('!') != bytes.npos) return text("refused", 400);
    if (bytes.find('?') != bytes.npos) throw std::runtime_error("no");
    all_ += bytes;
    return std::nullopt;
  }
  Handled finish() override { return text(head_.query + ":" + all_); }

 private:
  Seen& seen_;
  const HttpRequest head_;
  std::string all_;
};

struct Arriving : testing::Test {
  Seen seen;
  std::unique_ptr<HttpServer> server;
  Arriving() {
    Router router;
    router.add({"POST", "/gather", kScopeNone, nullptr, 1 << 20,
                [this](HttpRequest head, uint64_t most) -> std::unique_ptr<BodyReceiver> {
                  EXPECT_EQ(head.body, "");
                  EXPECT_EQ(head.method, "POST");
                  return std::make_unique<Gather>(seen, std::move(head), most);
                }});
    router.add(
        {"GET", "/hello", kScopeNone, [](HttpRequest) -> Handled { return text("hello"); }, 0});
    server = start_server(std::move(router));
  }
  void wait_until(const std::function<bool()>& done) {
    for (int i = 0; i < 2000 && !done(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(done());
  }
};

TEST_F(Arriving, PiecesComeBeforeTheEnd) {
  RawClient client(server->ports()[0]);
  client.send("POST /gather?q HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
  wait_until([&] { return seen.bytes == 2; });
  EXPECT_EQ(seen.most, 6u);
  client.send("cdef" + get("/hello"));
  EXPECT_EQ(body_of(client.read_response()), "q:abcdef");
  EXPECT_EQ(body_of(client.read_response()), "hello");
  EXPECT_EQ(seen.alive, 0);
  client.send("POST /gather HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  wait_until([&] { return seen.bytes == 9; });
  EXPECT_EQ(seen.most, 1u << 20) << "nobody knows";
  client.send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(client.read_response()), ":abcde");
  client.send(post("/gather", ""));
  EXPECT_EQ(body_of(client.read_response()), ":");
}

TEST_F(Arriving, WhatIsRefusedEarlyIsAnsweredAtOnce) {
  RawClient client(server->ports()[0]);
  client.send("POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc!");
  bool closed = false;
  const std::string response = client.read_all(&closed);
  EXPECT_EQ(status_of(response), 400);
  EXPECT_EQ(body_of(response), "refused");
  EXPECT_EQ(header_of(response, "connection"), "close");
  EXPECT_TRUE(closed);
  EXPECT_EQ(seen.alive, 0);
  RawClient small(server->ports()[0]);  // which has sent all of it, and may go on
  small.send(post("/gather", "abc!") + get("/hello"));
  EXPECT_EQ(status_of(small.read_response()), 400);
  EXPECT_EQ(status_of(small.read_response()), 200);
}

// ... before the client is told to send its body, if it asks.
TEST_F(Arriving, AHeadMayBeRefused) {
  RawClient client(server->ports()[0]);
  client.send(
      "POST /gather?refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(client.read_response()), 415);
  RawClient polite(server->ports()[0]);
  polite.send(
      "POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  polite.read_until("100 Continue\r\n\r\n");
  EXPECT_EQ(seen.bytes, 0u);
  polite.send("abc");
  EXPECT_NE(polite.read_until(":abc").find("200 OK"), std::string::npos);
  RawClient small(server->ports()[0]);  // whose body is dropped
  small.send(post("/gather?refuse", "abc") + get("/hello"));
  EXPECT_EQ(status_of(small.read_response()), 415);
  EXPECT_EQ(body_of(small.read_response()), "hello");
}

TEST_F(Arriving, FailuresAreTheRequestsOwn) {
  for (const char* query : {"", "?throw"}) {
    RawClient client(server->ports()[0]);
    client.send(post(std::string("/gather") + query, "abc?"));
    EXPECT_EQ(status_of(client.read_response()), 500) << query;
  }
  RawClient client(server->ports()[0]);
  client.send(post("/gather", "abc"));
  EXPECT_EQ(status_of(client.read_response()), 200);
}

TEST_F(Arriving, WhoLeavesTakesItAlong) {
  RawClient client(server->ports()[0]);
  client.send("POST /gather HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  wait_until([&] { return seen.alive == 1 && seen.bytes == 3; });
  client.reset();
  wait_until([&] { return seen.alive == 0; });
}

TEST_F(Arriving, TheLimitHolds) {
  RawClient client(server->ports()[0]);
  client.send(post("/gather", std::string((1 << 20) + 1, 'x')));
  EXPECT_EQ(status_of(client.read_response()), 413);
  EXPECT_EQ(seen.bytes, 0u);
  RawClient chunked(server->ports()[0]);
  chunked.send("POST /gather HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) chunked.send("10000\r\n" + std::string(1 << 16, 'x') + "\r\n");
  EXPECT_EQ(status_of(chunked.read_response()), 413);
  wait_until([&] { return seen.alive == 0; });
}

}  // namespace
}  // namespace serval::host
