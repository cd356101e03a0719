// Connections that become WebSockets: both directions, room, wake-ups, closing.
#include <atomic>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "host/net/websocket.h"
#include "tests/host/net/raw_client.h"

namespace serval::host {
namespace {

using Kind = WsMessage::Kind;

// What a test tells a socket to do, and sees of it.
struct Script {
  std::mutex mutex;
  std::vector<std::string> got;
  std::string to_send;
  WsClose close;
  bool room = true;
  int refused = 0;
  std::function<void()> ready;
  std::atomic<int> alive{0};

  void change(const std::function<void()>& body) {
    std::function<void()> call;
    {
      std::lock_guard lock(mutex);
      body();
      call = ready;
    }
    if (call) call();
  }
  bool wait(const std::function<bool()>& done) {
    for (int i = 0; i < 4000; ++i) {
      {
        std::lock_guard lock(mutex);
        if (done()) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
};

class ScriptedSocket : public WebSocket {
 public:
  explicit ScriptedSocket(std::shared_ptr<Script> script) : script_(std::move(script)) {
    ++script_->alive;
  }
  ~ScriptedSocket() override {
    std::lock_guard lock(script_->mutex);
    script_->ready = nullptr;
    --script_->alive;
  }
  void on_ready(std::function<void()> ready) override {
    std::lock_guard lock(script_->mutex);
    script_->ready = std::move(ready);
  }
  bool receive(const WsMessage& message) override {
    std::lock_guard lock(script_->mutex);
    if (!script_->room) return ++script_->refused, false;
    script_->got.push_back(message.data);
    return true;
  }
  WsClose send(std::string& out, std::size_t) override {
    std::lock_guard lock(script_->mutex);
    if (!script_->to_send.empty()) append_ws_frame(out, Kind::text, script_->to_send);
    script_->to_send.clear();
    return script_->close;
  }

 private:
  const std::shared_ptr<Script> script_;
};

// A client's frame, masked with zeros.
std::string frame(char bits, const std::string& data) {
  std::string out;
  append_ws_frame(out, Kind::text, data);
  out[0] = bits;
  out[1] = char(out[1] | 0x80);
  out.insert(out.size() - data.size(), 4, '\0');
  return out;
}

struct ServerWebSocket : testing::Test {
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::unique_ptr<HttpServer> server;

  void serve(ServerOptions options = {}) {
    Router router;
    router.add({"GET", "/ws", kScopeNone,
                [script = script](const HttpRequest& request) -> Handled {
                  HttpResponse handshake = ws_handshake(request);
                  if (handshake.status != 101) return handshake;
                  return Upgrade{std::move(handshake), std::make_unique<ScriptedSocket>(script)};
                },
                0});
    server = start_server(std::move(router), std::move(options));
  }
  RawClient dial(const std::string& early = {}) {
    RawClient client(server->ports()[0]);
    client.send(get("/ws",
                    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") +
                early);
    return client;
  }
};

TEST_F(ServerWebSocket, SpeaksBothWays) {
  serve();
  RawClient client = dial(frame('\x81', "early"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_EQ(status_of(head), 101);
  EXPECT_EQ(header_of(head, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(header_of(head, "content-length"), "");
  client.send(frame('\x82', std::string(100'000, 'x')) + frame('\x89', "are you there"));
  EXPECT_NE(client
                .read_until("\x8a\x0d"
                            "are you there")
                .find("are you there"),
            std::string::npos);
  EXPECT_TRUE(script->wait([&] { return script->got.size() == 2; }));
  EXPECT_EQ(script->got[0], "early");
  EXPECT_EQ(script->got[1].size(), 100'000u);
  script->change([&] { script->to_send = "hello"; });
  EXPECT_NE(client.read_until("\x81\x05hello").find("hello"), std::string::npos);
  script->change([&] { script->close = {kCloseTryLater, "later"}; });
  bool closed = false;
  EXPECT_NE(client.read_all(&closed).find("\x88\x07\x03\xf5later"), std::string::npos);
  EXPECT_TRUE(closed);
  EXPECT_TRUE(script->wait([&] { return script->alive == 0; }));
}

TEST_F(ServerWebSocket, WhatHasNoRoomWaits) {
  serve();
  script->room = false;
  RawClient client = dial(frame('\x81', "first") + frame('\x81', "second"));
  EXPECT_TRUE(script->wait([&] { return script->refused > 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  script->change([&] {
    EXPECT_TRUE(script->got.empty());
    script->room = true;
  });
  EXPECT_TRUE(script->wait([&] { return script->got.size() == 2; }));
  EXPECT_EQ(script->got, (std::vector<std::string>{"first", "second"}));
}

TEST_F(ServerWebSocket, AnswersACloseAndAFault) {
  serve();
  RawClient client = dial(frame('\x88',
                                "\x0b\xb8"
                                "bye") +
                          frame('\x81', "late"));
  bool closed = false;
  EXPECT_NE(client.read_all(&closed).find("\x88\x02\x0b\xb8"), std::string::npos);
  EXPECT_TRUE(closed);
  RawClient bad = dial(
      "\x81\x01"
      "a");
  EXPECT_NE(bad.read_all().find("\x03\xea"), std::string::npos);
  EXPECT_TRUE(script->wait([&] { return script->alive == 0; }));
  EXPECT_TRUE(script->got.empty());
}

TEST_F(ServerWebSocket, WhoLeavesIsNoticed) {
  serve();
  for (const bool reset : {false, true}) {
    RawClient client = dial();
    client.read_until("\r\n\r\n");
    EXPECT_TRUE(script->wait([&] { return script->alive == 1; }));
    reset ? client.reset() : client.close();
    EXPECT_TRUE(script->wait([&] { return script->alive == 0; }));
  }
}

TEST_F(ServerWebSocket, SilenceIsPingedAndClosed) {
  ServerOptions options;
  options.limits.ping = std::chrono::milliseconds(100);
  options.limits.idle = std::chrono::milliseconds(500);
  serve(options);
  RawClient client = dial();
  bool closed = false;
  const std::string all = client.read_all(&closed);
  EXPECT_NE(all.find(std::string("\x89\0", 2)), std::string::npos);
  EXPECT_NE(all.find("\x03\xf0nothing was heard"), std::string::npos);
  EXPECT_TRUE(closed);
}

TEST_F(ServerWebSocket, StopEndsIt) {
  serve();
  RawClient client = dial();
  client.read_until("\r\n\r\n");
  server->stop();
  EXPECT_EQ(script->alive, 0);
}

}  // namespace
}  // namespace serval::host
