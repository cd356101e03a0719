// The WebSocket /v1/audio/transcriptions/stream, without sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/net/websocket.h"
#include "host/protocols/openai/audio.h"
#include "serval/request.h"
#include "tests/host/protocols/fake_transcriber.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

using testing::HasSubstr;

struct Live : testing::Test {
  FakeRegistry registry{"m"};
  Router router;
  std::unique_ptr<WebSocket> socket;
  int woken = 0;
  WsClose close;

  Live() {
    add_openai_routes(router, {&registry});
    open();
  }

  void open(const std::string& query = {}) {
    HttpRequest http;
    http.method = "GET";
    http.path = "/v1/audio/transcriptions/stream";
    http.query = query;
    http.headers.add("upgrade", "websocket");
    http.headers.add("connection", "Upgrade");
    http.headers.add("sec-websocket-version", "13");
    http.headers.add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    http.headers.add("priority", "u=1");
    Handled handled = router.find("GET", http.path).route->handler(std::move(http));
    ASSERT_TRUE(std::holds_alternative<Upgrade>(handled));
    socket = std::move(std::get<Upgrade>(handled).socket);
    socket->on_ready([this] { ++woken; });
  }

  bool text(const std::string& data) { return socket->receive({WsMessage::Kind::text, data}); }
  bool binary(const std::string& data) { return socket->receive({WsMessage::Kind::binary, data}); }

  // The texts of the frames that it sends now; the close is kept.
  std::vector<std::string> sent() {
    std::string out;
    close = socket->send(out, 1 << 20);
    std::vector<std::string> texts;
    while (!out.empty()) {
      EXPECT_EQ(out[0], '\x81');
      std::size_t size = uint8_t(out[1]), head = 2;
      if (size == 126) size = std::size_t(uint8_t(out[2])) << 8 | uint8_t(out[3]), head = 4;
      texts.push_back(out.substr(head, size));
      out.erase(0, head + size);
    }
    return texts;
  }
  std::string read_input() {
    std::string got(1 << 20, ' ');
    std::size_t n = 0;
    registry.requests.at(0).stream->read(got.data(), got.size(), n);
    return got.substr(0, n);
  }
  static Event heard(const std::string& text, const std::string& meta) {
    return {SERVAL_EVENT_TEXT, 0, false, text, meta, 0};
  }
};

const std::string kResult = R"({"task":"transcribe","language":"english","duration":1.5})";

TEST_F(Live, FromTheFirstMessageToTheClose) {
  EXPECT_TRUE(text(R"({"model":"m","language":"en","sample_rate":8000,"partials":false})"));
  const Request& request = registry.requests.at(0);
  EXPECT_EQ(request.op, "transcribe_stream");
  EXPECT_EQ(request.priority, -2);
  EXPECT_EQ(request.inputs, std::vector<std::string>{""});
  EXPECT_EQ(*parse_json(request.params_json),
            (json::object{{"language", "en"}, {"sample_rate", 8000}, {"partials", false}}));
  EXPECT_TRUE(binary("abc"));
  EXPECT_TRUE(binary("def"));
  EXPECT_EQ(read_input(), "abcdef");

  FakeCall& call = *registry.calls.at(0);
  call.emit(heard(" And", R"({"final":false,"start":0,"end":0.5})"));
  call.emit(heard(" And so", R"({"final":true,"start":0,"end":1.25})"));
  EXPECT_GE(woken, 1);
  const auto texts = sent();
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_THAT(texts[0],
              HasSubstr(R"({"type":"transcript.text.partial","text":" And","start":0,"end":0.5,)"));
  EXPECT_EQ(json_at(texts[1], "/type"), "transcript.text.final");
  EXPECT_TRUE(json_at(texts[1], "/latency_ms").is_int64());
  EXPECT_FALSE(close);

  EXPECT_TRUE(text(R"({"type":"end"})"));
  std::size_t n = 0;
  EXPECT_EQ(request.stream->read(nullptr, 0, n), InputStream::Read::end);
  call.emit(result_event(kResult));
  call.end();
  EXPECT_EQ(sent(),
            std::vector<std::string>{R"({"type":"transcript.text.done","language":"english",)"
                                     R"("usage":{"type":"duration","seconds":1.5}})"});
  EXPECT_EQ(close.code, kCloseNormal);
  socket.reset();
  EXPECT_EQ(call.cancelled(), CancelReason::none);
}

TEST_F(Live, AudioWaitsUntilThereIsRoom) {
  text(R"({"model":"m"})");
  const std::string first(InputStream::kBytes - 10, 'a'), second(100, 'b');
  EXPECT_TRUE(binary(first));
  EXPECT_FALSE(binary(second)) << "10 bytes of it fit";
  EXPECT_FALSE(binary(second));
  const int before = woken;
  EXPECT_EQ(read_input(), first + second.substr(0, 10));
  EXPECT_GT(woken, before);
  EXPECT_TRUE(binary(second)) << "the same again, from where it stopped";
  EXPECT_TRUE(binary("c"));
  EXPECT_EQ(read_input(), second.substr(10) + "c");
}

TEST_F(Live, TheModelMayStandInTheQuery) {
  open("model=m");
  text("{}");
  EXPECT_EQ(registry.requests.at(0).model, "m");
  open("model=m");
  text(R"({"model":"n"})");
  EXPECT_THAT(sent().at(0), HasSubstr("given twice"));
}

TEST_F(Live, ErrorsOfTheModelHaveCloseCodes) {
  for (const auto& [code, want] :
       {std::pair{Code::invalid_argument, kClosePolicy}, std::pair{Code::not_found, kClosePolicy},
        std::pair{Code::out_of_range, kCloseTooBig}, std::pair{Code::internal, kCloseInternal},
        std::pair{Code::resource_exhausted, kCloseTryLater},
        std::pair{Code::unavailable, kCloseTryLater},
        std::pair{Code::deadline_exceeded, kClosePolicy}}) {
    open();
    text(R"({"model":"m"})");
    registry.calls.back()->fail(error(code, "no more"));
    const auto texts = sent();
    ASSERT_EQ(texts.size(), 1u);
    EXPECT_EQ(json_at(texts[0], "/type"), "error");
    EXPECT_EQ(json_at(texts[0], "/error/message"), "no more");
    EXPECT_EQ(close.code, want);
    EXPECT_EQ(close.reason, "no more");
    EXPECT_TRUE(binary("late")) << "what comes still is dropped";
  }
  open();
  registry.refuse = error(Code::resource_exhausted, "full");
  text(R"({"model":"m"})");
  sent();
  EXPECT_EQ(close.code, kCloseTryLater);
}

TEST_F(Live, ABrokenContractIsFoundOut) {
  const auto code = [&](const std::vector<Event>& events) {
    open();
    text(R"({"model":"m"})");
    for (const Event& event : events) registry.calls.back()->emit(event);
    registry.calls.back()->end();
    sent();
    return close.code;
  };
  const Event good = heard(" a", R"({"final":true,"start":0,"end":1})");
  EXPECT_EQ(code({good, result_event(kResult)}), kCloseNormal);
  EXPECT_EQ(code({good}), kCloseInternal);
  EXPECT_EQ(code({result_event(kResult), good}), kCloseInternal);
  EXPECT_EQ(code({heard(" a", ""), result_event(kResult)}), kCloseInternal);
  EXPECT_EQ(code({heard(" a", R"({"start":0,"end":1})")}), kCloseInternal);
  EXPECT_EQ(code({heard(" a", R"({"final":true,"start":2,"end":1})")}), kCloseInternal);
}

TEST_F(Live, WhoLeavesCancels) {
  text(R"({"model":"m"})");
  const auto call = registry.calls.at(0);
  socket.reset();
  EXPECT_EQ(call->cancelled(), CancelReason::client);
  open();
  socket.reset();  // before a first message
}

TEST(LiveParams, NamesWhatIsWrong) {
  const auto why = [](const std::string& message) {
    const auto params = parse_live(message);
    return params ? std::string() : params.error().param;
  };
  EXPECT_EQ(why(R"({"model":"m","suppress_tokens":[-1,7],"keywords":["a"],"vad_threshold":0.5})"),
            "");
  EXPECT_EQ(why(R"({"suppress_tokens":[0.5]})"), "suppress_tokens");
  EXPECT_EQ(why(R"({"sample_rate":0})"), "sample_rate");
  EXPECT_EQ(why(R"({"task":"summarize"})"), "task");
  EXPECT_EQ(why(R"({"timestamps":"word"})"), "timestamps");
  EXPECT_EQ(why(R"({"temperature":2})"), "temperature");
  EXPECT_EQ(parse_live(R"({"sample_rate":8000,"channels":2})")->bytes_per_second, 32'000);
}

}  // namespace
}  // namespace serval::host
