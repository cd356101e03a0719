// Whole requests over real sockets: what is answered, in which order, and when a connection ends.
#include <atomic>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

HttpResponse text(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

Router echo_router() {
  Router router;
  router.add({"POST", "/echo", kScopeNone,
              [](HttpRequest http) -> Handled { return text(http.body); }, 0});
  router.add({"GET", "/hello", kScopeNone,
              [](HttpRequest http) -> Handled { return text("hello " + http.query); }, 0});
  router.add({"POST", "/key", kScopeInfer,
              [](HttpRequest http) -> Handled { return text(http.principal.tenant); }, 0});
  router.add(
      {"POST", "/admin", kScopeAdmin, [](HttpRequest) -> Handled { return text("admin"); }, 0});
  router.add({"POST", "/throws", kScopeNone,
              [](HttpRequest) -> Handled { throw std::runtime_error("no"); }, 0});
  return router;
}

class OneKey : public Authenticator {
 public:
  Result<Principal> authenticate(std::string_view authorization) const override {
    if (authorization != "Bearer good") return error(Code::unauthenticated, "wrong key");
    return Principal{"acme", "k1", kScopeInfer, -3};
  }
};

TEST(Server, KeepsTheConnectionAndAnswersInOrder) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  std::string sent;
  for (int i = 0; i < 50; ++i)
    sent += post("/echo", "body " + std::to_string(i)) + get("/hello?" + std::to_string(i));
  client.send(sent);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(body_of(client.read_response()), "body " + std::to_string(i));
    EXPECT_EQ(body_of(client.read_response()), "hello " + std::to_string(i));
  }
  EXPECT_EQ(server->stats().accepted_connections, 1u);
}

TEST(Server, TakesRequestsByteByByte) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  for (const char c : post("/echo", "abc")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(body_of(client.read_response()), "abc");
}

TEST(Server, TakesChunkedBodies) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\nX: y\r\n\r\n" + get("/hello"));
  EXPECT_EQ(body_of(client.read_response()), "abcde");
  EXPECT_EQ(status_of(client.read_response()), 200);
}

TEST(Server, IgnoresEmptyLinesBetweenRequests) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send(post("/echo", "a") + "\r\n\r\n" + post("/echo", "b"));
  EXPECT_EQ(body_of(client.read_response()), "a");
  EXPECT_EQ(body_of(client.read_response()), "b");
}

TEST(Server, HeadOptionsAndUnknownThings) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_EQ(status_of(head), 200);
  EXPECT_EQ(header_of(head, "content-length"), "6");
  EXPECT_EQ(body_of(head), "");
  client.send("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string response = client.read_until("\r\n\r\n");
  EXPECT_EQ(status_of(response), 204);
  EXPECT_EQ(header_of(response, "allow"), "POST, OPTIONS");
  client.send(get("/echo"));
  response = client.read_response();
  EXPECT_EQ(status_of(response), 405);
  EXPECT_EQ(header_of(response, "allow"), "POST, OPTIONS");
  client.send(post("/nothing", "with a body"));
  EXPECT_EQ(status_of(client.read_response()), 404);
  client.send(get("/hello"));
  EXPECT_EQ(status_of(client.read_response()), 200);  // the refused body was skipped
}

TEST(Server, Http10ClosesUnlessAsked) {
  const auto server = start_server(echo_router());
  RawClient once(server->ports()[0]);
  once.send("GET /hello HTTP/1.0\r\n\r\n");
  bool closed = false;
  EXPECT_EQ(status_of(once.read_all(&closed)), 200);
  EXPECT_TRUE(closed);
  RawClient twice(server->ports()[0]);
  twice.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(header_of(twice.read_response(), "connection"), "keep-alive");
  twice.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(twice.read_all()), 200);
}

TEST(Server, RequestIdsComeBackOrAreMade) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send(get("/hello", "x-request-id: mine-1\r\n"));
  EXPECT_EQ(header_of(client.read_response(), "x-request-id"), "mine-1");
  client.send(get("/hello", "x-request-id: not valid\r\n"));
  EXPECT_EQ(header_of(client.read_response(), "x-request-id").size(), 36u);
}

TEST(Server, KeysAreCheckedBeforeTheBody) {
  ServerOptions options;
  options.authenticator = std::make_shared<OneKey>();
  const auto server = start_server(echo_router(), options);
  RawClient client(server->ports()[0]);
  // Announces a body and asks first: the refusal must come without it.
  client.send("POST /key HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  std::string response = client.read_all();
  EXPECT_EQ(status_of(response), 401);
  EXPECT_EQ(header_of(response, "www-authenticate"), "Bearer");
  EXPECT_EQ(response.find("100 Continue"), std::string::npos);

  RawClient good(server->ports()[0]);
  good.send(post("/key", "x", "Authorization: Bearer good\r\n"));
  EXPECT_EQ(body_of(good.read_response()), "acme");
  good.send(post("/admin", "x", "Authorization: Bearer good\r\n"));
  EXPECT_EQ(status_of(good.read_response()), 403);
  good.send(post("/echo", "open"));
  EXPECT_EQ(body_of(good.read_response()), "open");
}

TEST(Server, SaysContinueOnceTheHeadIsAccepted) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(body_of(client.read_response()), "abc");
}

TEST(Server, AHandlerThatThrowsIsThatRequestsProblem) {
  const auto server = start_server(echo_router());
  RawClient client(server->ports()[0]);
  client.send(post("/throws", ""));
  const std::string response = client.read_response();
  EXPECT_EQ(status_of(response), 500);
  EXPECT_EQ(response.find("no\""), std::string::npos);
  client.send(get("/hello"));
  EXPECT_EQ(status_of(client.read_response()), 200);
}

TEST(Server, ManyThreadsServeManyConnections) {
  ServerOptions options;
  options.threads = 3;
  std::mutex mutex;
  std::vector<RequestRecord> records;
  options.on_request = [&](const RequestRecord& record) {
    std::lock_guard lock(mutex);
    records.push_back(record);
  };
  const auto server = start_server(echo_router(), options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(server->ports()[0]);
  for (RawClient& client : clients) client.send(post("/echo", "abc"));
  for (RawClient& client : clients) EXPECT_EQ(body_of(client.read_response()), "abc");
  server->stop();
  ASSERT_EQ(records.size(), 40u);
  EXPECT_EQ(records[0].route, "/echo");
  EXPECT_EQ(records[0].status, 200);
  EXPECT_EQ(records[0].body_bytes, 3u);
  EXPECT_EQ(records[0].sent_bytes, 3u);
  EXPECT_FALSE(records[0].broken);
}

TEST(Server, UnixSocketsAreForTheOwnerOnly) {
  ListenOptions listen;
  listen.unix_path = testing::TempDir() + "serval-" + std::to_string(getpid()) + ".sock";
  {
    const auto server = start_server(echo_router(), {}, listen);
    struct stat info {};
    ASSERT_EQ(stat(listen.unix_path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    RawClient client(listen.unix_path);
    client.send(post("/echo", "abc"));
    EXPECT_EQ(body_of(client.read_response()), "abc");
    // A second server must not take the address away.
    ServerOptions second;
    listen.router = std::make_shared<const Router>(echo_router());
    second.listeners.push_back(listen);
    EXPECT_FALSE(HttpServer::start(second));
  }
  EXPECT_NE(access(listen.unix_path.c_str(), F_OK), 0);
}

TEST(Server, AddressesInUseAndNonsenseAreRefused) {
  const auto server = start_server(echo_router());
  ServerOptions options;
  ListenOptions listen;
  listen.host = "127.0.0.1";
  listen.port = server->ports()[0];
  listen.router = std::make_shared<const Router>();
  options.listeners = {listen};
  const auto taken = HttpServer::start(options);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::unavailable);
  options.listeners[0].host = "not an address";
  EXPECT_EQ(HttpServer::start(options).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace serval::host
