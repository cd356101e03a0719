// Clients that are slow, too many, too large or hostile.
#include <atomic>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

using std::chrono::milliseconds;

Router echo_router() {
  Router router;
  router.add({"POST", "/echo", kScopeNone,
              [](HttpRequest http) -> Handled {
                HttpResponse response;
                response.body = http.body;
                return response;
              },
              0});
  router.add(
      {"POST", "/small", kScopeNone, [](HttpRequest) -> Handled { return HttpResponse{}; }, 10});
  router.add({"GET", "/big", kScopeNone,
              [](HttpRequest) -> Handled {
                HttpResponse response;
                response.body.assign(64u << 20, 'x');
                return response;
              },
              0});
  return router;
}

// The server still answers others.
void expect_healthy(HttpServer& server) {
  RawClient client(server.ports()[0]);
  client.send(post("/echo", "fine"));
  EXPECT_EQ(body_of(client.read_response()), "fine");
}

struct Malformed {
  const char* name;
  std::string bytes;
  int status;
};

void PrintTo(const Malformed& c, std::ostream* out) { *out << c.name; }

class ServerMalformed : public testing::TestWithParam<Malformed> {};

TEST_P(ServerMalformed, IsAnsweredAndClosed) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send(GetParam().bytes);
  bool closed = false;
  const std::string response = client.read_all(&closed);
  EXPECT_TRUE(closed);
  EXPECT_EQ(status_of(response), GetParam().status) << response;
  EXPECT_EQ(header_of(response, "connection"), "close");
  EXPECT_EQ(body_of(response).substr(0, 9), "{\"error\":");
  // One reply only: what follows a malformed request is never taken as another.
  EXPECT_EQ(response.find("HTTP/1.1", 1), std::string::npos);
  expect_healthy(*server);
}

const std::string kNext = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const Malformed kMalformed[] = {
    {"garbage", std::string("\x00\x01\x02\xff\r\n\r\n", 8), 400},
    {"bare_lf", "GET / HTTP/1.1\nHost: a\n\n", 400},
    {"both_lengths",
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n" +
         kNext,
     400},
    {"two_lengths",
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n" + kNext,
     400},
    {"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n" + kNext, 400},
    {"bad_chunk",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + kNext, 400},
    {"chunk_too_long",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n" + kNext,
     400},
    {"long_target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
    {"large_header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(17000, 'a') + "\r\n\r\n",
     431},
    {"endless_header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'a'), 431},
    {"coding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" + kNext, 501},
    {"version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"expectation", "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417},
    {"too_large", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413},
    {"too_large_for_route",
     "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
     413},
};
INSTANTIATE_TEST_SUITE_P(Table, ServerMalformed, testing::ValuesIn(kMalformed),
                         [](const auto& info) { return info.param.name; });

TEST(ServerLimits, SlowHeadersAreCutOff) {
  ServerOptions options;
  options.limits.header = milliseconds(150);
  const auto server = start_server(echo_router(), options);
  RawClient client(server->ports()[0]);
  client.send("GET /echo HTTP/1.1\r\n");
  for (int i = 0; i < 40; ++i) {  // each byte comes soon, the head never ends
    client.send("X");
    usleep(10'000);
  }
  bool closed = false;
  EXPECT_EQ(status_of(client.read_all(&closed)), 408);
  EXPECT_TRUE(closed);
  expect_healthy(*server);
}

TEST(ServerLimits, SlowBodiesAreCutOff) {
  ServerOptions options;
  options.limits.body_grace = milliseconds(100);
  options.limits.body_rate = 1'000'000;
  const auto server = start_server(echo_router(), options);
  RawClient client(server->ports()[0]);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  bool closed = false;
  EXPECT_EQ(status_of(client.read_all(&closed)), 408);
  EXPECT_TRUE(closed);
  expect_healthy(*server);
}

TEST(ServerLimits, IdleConnectionsAreClosedWithoutAWord) {
  ServerOptions options;
  options.limits.idle = milliseconds(100);
  const auto server = start_server(echo_router(), options);
  RawClient silent(server->ports()[0]), once(server->ports()[0]);
  once.send(post("/echo", "a"));
  EXPECT_EQ(body_of(once.read_response()), "a");
  bool closed = false;
  EXPECT_EQ(once.read_all(&closed), "");
  EXPECT_TRUE(closed);
  EXPECT_EQ(silent.read_all(&closed), "");
  EXPECT_TRUE(closed);
}

TEST(ServerLimits, AReaderThatStopsIsClosed) {
  ServerOptions options;
  options.limits.write = milliseconds(150);
  std::atomic<bool> broken{false};
  options.on_request = [&](const RequestRecord& record) {
    if (record.route == "/big") broken = record.broken;
  };
  const auto server = start_server(echo_router(), options);
  RawClient client(server->ports()[0]);
  client.send(get("/big"));
  while (!broken) usleep(5'000);
  EXPECT_LT(client.read_all().size(), 64u << 20);
  expect_healthy(*server);
}

TEST(ServerLimits, ConnectionsAreCounted) {
  ServerOptions options;
  options.limits.connections = 2;
  const auto server = start_server(echo_router(), options);
  {
    RawClient a(server->ports()[0]), b(server->ports()[0]);
    a.send(post("/echo", "a"));
    b.send(post("/echo", "b"));
    EXPECT_EQ(body_of(a.read_response()), "a");
    EXPECT_EQ(body_of(b.read_response()), "b");
    RawClient c(server->ports()[0]);
    bool closed = false;
    const std::string refusal = c.read_all(&closed);
    EXPECT_EQ(status_of(refusal), 503);
    EXPECT_EQ(header_of(refusal, "retry-after"), "1");
    EXPECT_TRUE(closed);
    EXPECT_EQ(server->stats().refused_connections, 1u);
  }
  while (server->stats().open_connections > 0) usleep(5'000);
  expect_healthy(*server);
}

TEST(ServerLimits, ConnectionsOfOneAddressAreCounted) {
  ServerOptions options;
  options.limits.connections_per_address = 1;
  const auto server = start_server(echo_router(), options);
  RawClient a(server->ports()[0]);
  a.send(post("/echo", "a"));
  EXPECT_EQ(body_of(a.read_response()), "a");
  RawClient b(server->ports()[0]);
  EXPECT_EQ(status_of(b.read_all()), 503);
}

TEST(ServerLimits, WantOfFilesIsWaitedOut) {
  ServerOptions options;
  std::atomic<int> warnings{0};
  options.on_warning = [&](std::string) { ++warnings; };
  const auto server = start_server(echo_router(), options);
  RawClient client(server->ports()[0]);
  client.send(post("/echo", "a"));
  EXPECT_EQ(body_of(client.read_response()), "a");

  RawClient waiting(server->ports()[0]);
  waiting.send(post("/echo", "early"));
  EXPECT_EQ(body_of(waiting.read_response()), "early");
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int spare = dup(0);
  // The client below gets the last free descriptor, so the server has none to accept with.
  rlimit low = before;
  low.rlim_cur = rlim_t(spare) + 1;
  ::close(spare);
  setrlimit(RLIMIT_NOFILE, &low);
  RawClient late(server->ports()[0]);
  ASSERT_TRUE(late.connected());
  late.send(post("/echo", "late"));
  while (warnings == 0) usleep(5'000);
  client.send(post("/echo", "still"));
  EXPECT_EQ(body_of(client.read_response()), "still");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(body_of(late.read_response()), "late");
}

}  // namespace
}  // namespace serval::host
