// Replies that take time: streams, pings, clients that leave, drain and stop.
#include <atomic>
#include <deque>
#include <gtest/gtest.h>
#include <mutex>
#include <unistd.h>

#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

using std::chrono::milliseconds;

// What a test tells a reply to do, and sees of it.
struct Script {
  std::mutex mutex;
  std::deque<std::string> pieces;
  bool streamed = true;
  bool head = false, done = false, failed = false;
  std::function<void()> ready;
  std::atomic<int> alive{0};
  std::atomic<int> reads{0};

  void change(const std::function<void()>& body) {
    std::function<void()> call;
    {
      std::lock_guard lock(mutex);
      body();
      call = ready;
    }
    if (call) call();
  }
  void push(std::string piece) {
    change([&] { head = true, pieces.push_back(std::move(piece)); });
  }
};

class ScriptedReply : public Reply {
 public:
  explicit ScriptedReply(std::shared_ptr<Script> script) : script_(std::move(script)) {
    ++script_->alive;
  }
  ~ScriptedReply() override {
    {
      std::lock_guard lock(script_->mutex);
      script_->ready = nullptr;
    }
    --script_->alive;
  }
  void on_ready(std::function<void()> ready) override {
    std::lock_guard lock(script_->mutex);
    script_->ready = std::move(ready);
  }
  std::optional<HttpResponse> head() override {
    std::lock_guard lock(script_->mutex);
    if (!script_->head) return std::nullopt;
    HttpResponse response;
    response.streamed = script_->streamed;
    if (!response.streamed) response.body = "whole";
    return response;
  }
  State read(std::string& out, std::size_t) override {
    ++script_->reads;
    std::lock_guard lock(script_->mutex);
    if (script_->pieces.empty()) {
      if (script_->failed) return State::failed;
      return script_->done ? State::done : State::wait;
    }
    out += script_->pieces.front();
    script_->pieces.pop_front();
    return State::more;
  }
  std::string_view ping() const override { return ": ping\n\n"; }

 private:
  std::shared_ptr<Script> script_;
};

Router scripted_router(std::shared_ptr<Script> script) {
  Router router;
  router.add({"GET", "/slow", kScopeNone,
              [script](HttpRequest) -> Handled { return std::make_unique<ScriptedReply>(script); },
              0});
  router.add({"GET", "/quick", kScopeNone,
              [](HttpRequest) -> Handled {
                HttpResponse response;
                response.body = "quick";
                return response;
              },
              0});
  return router;
}

void wait_until(const std::function<bool()>& condition) {
  while (!condition()) usleep(2'000);
}

TEST(ServerReply, StreamsArriveAsTheyComeAndTheConnectionLivesOn) {
  auto script = std::make_shared<Script>();
  const auto server = start_server(scripted_router(script));
  RawClient client(server->ports()[0]);
  client.send(get("/slow"));
  script->push("one");
  EXPECT_NE(client.read_until("one\r\n").find("00000003\r\none\r\n"), std::string::npos);
  script->push("two");
  client.read_until("two\r\n");
  script->change([&] { script->done = true; });
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  wait_until([&] { return script->alive == 0; });
  client.send(get("/quick"));
  EXPECT_EQ(body_of(client.read_response()), "quick");
}

TEST(ServerReply, WholeRepliesWaitForTheirHead) {
  auto script = std::make_shared<Script>();
  script->streamed = false;
  const auto server = start_server(scripted_router(script));
  RawClient client(server->ports()[0]);
  client.send(get("/slow") + get("/quick"));  // the second must wait for the first
  wait_until([&] { return server->stats().running_requests == 1; });
  script->push("");
  EXPECT_EQ(body_of(client.read_response()), "whole");
  EXPECT_EQ(body_of(client.read_response()), "quick");
}

TEST(ServerReply, AFailedStreamHasNoLastChunk) {
  auto script = std::make_shared<Script>();
  const auto server = start_server(scripted_router(script));
  RawClient client(server->ports()[0]);
  client.send(get("/slow"));
  script->push("part");
  client.read_until("part\r\n");
  script->change([&] { script->failed = true; });
  bool closed = false;
  EXPECT_EQ(client.read_all(&closed), "");
  EXPECT_TRUE(closed);
}

TEST(ServerReply, Http10StreamsEndWithTheConnection) {
  auto script = std::make_shared<Script>();
  script->pieces = {"a", "b"};
  script->head = script->done = true;
  const auto server = start_server(scripted_router(script));
  RawClient client(server->ports()[0]);
  client.send("GET /slow HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  bool closed = false;
  EXPECT_EQ(body_of(client.read_all(&closed)), "ab");
  EXPECT_TRUE(closed);
}

TEST(ServerReply, SilentStreamsArePinged) {
  auto script = std::make_shared<Script>();
  ServerOptions options;
  options.limits.ping = milliseconds(20);
  const auto server = start_server(scripted_router(script), options);
  RawClient client(server->ports()[0]);
  client.send(get("/slow"));
  script->push("x");
  client.read_until(": ping\n\n");
  client.read_until(": ping\n\n");
  script->change([&] { script->done = true; });
  client.read_until("0\r\n\r\n");
}

// Before the head and in the middle of a stream, closed, half-closed and reset.
TEST(ServerReply, AClientThatLeavesEndsItsReply) {
  for (const bool streaming : {false, true}) {
    for (int how = 0; how < 3; ++how) {
      auto script = std::make_shared<Script>();
      std::atomic<int> status{0};
      ServerOptions options;
      options.on_request = [&](const RequestRecord& record) {
        EXPECT_TRUE(record.broken);
        status = record.status;
      };
      const auto server = start_server(scripted_router(script), options);
      RawClient client(server->ports()[0]);
      client.send(get("/slow"));
      wait_until([&] { return script->alive == 1; });
      if (streaming) {
        script->push("x");
        client.read_until("x\r\n");
      }
      if (how == 0) client.close();
      if (how == 1) client.finish_writing();
      if (how == 2) client.reset();
      wait_until([&] { return script->alive == 0; });
      wait_until([&] { return status != 0; });
      EXPECT_EQ(status, streaming ? 200 : 499);
    }
  }
}

TEST(ServerReply, AReaderThatStopsStopsItsOwnStreamOnly) {
  auto script = std::make_shared<Script>();
  const auto server = start_server(scripted_router(script));
  RawClient client(server->ports()[0]);
  client.send(get("/slow"));
  for (int i = 0; i < 400; ++i) script->push(std::string(64u << 10, 'x'));
  RawClient other(server->ports()[0]);
  other.send(get("/quick"));
  EXPECT_EQ(body_of(other.read_response()), "quick");
  // Socket buffers take some of the 25 MB; the rest must stay with the producer.
  int before = -1;
  wait_until([&] {
    usleep(50'000);
    return std::exchange(before, script->reads.load()) == script->reads.load();
  });
  {
    std::lock_guard lock(script->mutex);
    EXPECT_GT(script->pieces.size(), 100u);
  }
  script->change([&] { script->done = true; });
  std::size_t data = 0;
  const std::string all = client.read_until("\r\n0\r\n\r\n");
  for (const char c : body_of(all)) data += c == 'x';
  EXPECT_EQ(data, 400u * (64u << 10));
}

TEST(ServerReply, DrainLetsRunningRequestsEnd) {
  auto script = std::make_shared<Script>();
  script->streamed = false;
  const auto server = start_server(scripted_router(script));
  RawClient running(server->ports()[0]), idle(server->ports()[0]);
  idle.send(get("/quick"));
  EXPECT_EQ(body_of(idle.read_response()), "quick");
  running.send(get("/slow"));
  wait_until([&] { return script->alive == 1; });
  server->drain();
  bool closed = false;
  EXPECT_EQ(idle.read_all(&closed), "");
  EXPECT_TRUE(closed);
  EXPECT_FALSE(RawClient(server->ports()[0]).connected());
  EXPECT_FALSE(server->wait_drained(now_ns() + 1'000'000));
  script->push("");
  const std::string response = running.read_all();
  EXPECT_EQ(body_of(response), "whole");
  EXPECT_EQ(header_of(response, "connection"), "close");
  EXPECT_TRUE(server->wait_drained(now_ns() + 20'000'000'000));
}

TEST(ServerReply, StopEndsEverything) {
  auto script = std::make_shared<Script>();
  ServerOptions options;
  options.threads = 2;
  const auto server = start_server(scripted_router(script), options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server->ports()[0]);
    clients.back().send(get(i % 2 == 0 ? "/slow" : "/quick"));
  }
  wait_until([&] { return script->alive == 5; });
  server->stop();
  EXPECT_EQ(script->alive, 0);
  EXPECT_EQ(server->stats().open_connections, 0u);
}

// The host's threads may call `ready` at any moment, also while the connection ends.
TEST(ServerReply, ReadyRacesWithTheEndOfTheConnection) {
  auto script = std::make_shared<Script>();
  const auto server = start_server(scripted_router(script));
  std::atomic<bool> over{false};
  std::thread noise([&] {
    while (!over) script->change([&] { script->head = true; });
  });
  for (int i = 0; i < 50; ++i) {
    RawClient client(server->ports()[0]);
    client.send(get("/slow"));
    client.read_until("\r\n\r\n");
    client.reset();
  }
  wait_until([&] { return script->alive == 0; });
  over = true;
  noise.join();
}

}  // namespace
}  // namespace serval::host
