// Forms with long audio, which a model may begin with before they are complete.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/protocols/openai/audio.h"
#include "tests/host/protocols/fake_transcriber.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

using testing::HasSubstr;

const std::string kModel = form_field("model", "m");
const std::string kEnd = "--b--\r\n";
// A file of more than a megabyte, without what closes it.
const std::string kLong = [] {
  const std::string file = form_file("first\n" + std::string(1 << 20, 'x') + "\nlast");
  return file.substr(0, file.size() - 2);
}();
const std::string kRest = "\r\n";

struct AudioUploadTest : testing::Test {
  FakeRegistry registry{"m"};
  Router router;
  AudioUploadTest() {
    registry.info.ops = {"transcribe", "transcribe_upload"};
    add_openai_routes(router, {&registry});
  }
  std::unique_ptr<BodyReceiver> begin(const std::string& path = "/v1/audio/transcriptions") {
    HttpRequest head;
    head.headers.add("content-type", "multipart/form-data; boundary=b");
    head.received_ns = now_ns();
    return router.find("POST", path).route->receiver(std::move(head), 8 << 20);
  }
  // The reply to what has been received, which the model hears now.
  Got finish(BodyReceiver& receiver) {
    Handled handled = receiver.finish();
    Got got;
    if (auto* response = std::get_if<HttpResponse>(&handled)) {
      got.response = std::move(*response);
      return got;
    }
    got.reply = std::move(std::get<std::unique_ptr<Reply>>(handled));
    FakeCall& call = *registry.calls.back();
    if (!call.finish()) hear(call);
    got.response.status = 0;
    EXPECT_TRUE(read_on(got));
    return got;
  }
  static void hear(FakeCall& call) {
    call.emit(segment_event(0, " Guten Tag", 0, 2, false));
    call.emit(result_event(R"({"task":"transcribe","language":"german","duration":2})"));
    call.end();
  }
};

TEST_F(AudioUploadTest, TheModelReadsWhileItArrives) {
  const auto upload = begin();
  EXPECT_FALSE(upload->receive(form_field("language", "de") + kModel + kLong));
  ASSERT_EQ(registry.requests.size(), 1u);
  const Request& request = registry.requests[0];
  EXPECT_EQ(request.op, "transcribe_upload");
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.arriving);
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.input(0), "");
  EXPECT_EQ(*parse_json(request.params_json),
            (json::object{{"task", "transcribe"}, {"timestamps", "none"}, {"language", "de"}}));
  const std::string_view seen = request.upload->view().bytes;
  EXPECT_TRUE(seen.starts_with("first\nxxx"));
  EXPECT_FALSE(upload->receive(" of it"));
  EXPECT_FALSE(request.upload->view().complete);
  EXPECT_FALSE(upload->receive(kRest + kEnd));
  const Got got = finish(*upload);
  EXPECT_TRUE(request.upload->view().complete);
  EXPECT_TRUE(request.upload->view().bytes.ends_with("\nlast of it"));
  EXPECT_EQ(request.upload->view().bytes.data(), seen.data());
  EXPECT_EQ(got.response.status, 200) << got.response.body;
  EXPECT_EQ(json_at(got.response.body, "/text"), "Guten Tag");
  EXPECT_EQ(registry.requests.size(), 1u);
}

// Fields behind the file that change nothing for the model leave it at work.
TEST_F(AudioUploadTest, TheFormOfTheAnswerMayFollow) {
  const auto upload = begin();
  upload->receive(kModel + kLong);
  upload->receive(kRest + form_field("response_format", "text") + kEnd);
  EXPECT_EQ(finish(*upload).response.body, "Guten Tag\n");
  EXPECT_EQ(registry.requests.size(), 1u);
}

TEST_F(AudioUploadTest, AFieldBehindTheFileCounts) {
  const auto upload = begin();
  upload->receive(kModel + kLong);
  upload->receive(kRest + form_field("language", "de") + kEnd);
  const Got got = finish(*upload);
  EXPECT_EQ(got.response.status, 200);
  ASSERT_EQ(registry.requests.size(), 2u);
  EXPECT_EQ(registry.calls[0]->cancelled(), CancelReason::client);
  EXPECT_EQ(registry.calls[1]->cancelled(), CancelReason::none);
  const Request& request = registry.requests[1];
  EXPECT_EQ(request.op, "transcribe");
  EXPECT_FALSE(request.arriving);
  EXPECT_EQ(parse_json(request.params_json)->at("language"), "de");
  EXPECT_TRUE(request.input(0).ends_with("\nlast"));
  EXPECT_EQ(request.upload, registry.requests[0].upload) << "it is held once";
}

// What the model says of a form that is not complete is not the answer yet.
TEST_F(AudioUploadTest, AFieldBehindTheFileMayMendIt) {
  registry.script = [](const Request& request, const std::shared_ptr<FakeCall>& call) {
    if (request.params_json.find("pcm") == std::string::npos)
      call->fail(invalid("no audio", "audio"));
  };
  auto upload = begin();
  upload->receive(kModel + kLong);
  EXPECT_FALSE(upload->receive("more"));
  upload->receive(kRest + form_field("encoding", "pcm_s16le") + kEnd);
  EXPECT_EQ(finish(*upload).response.status, 200);
  upload = begin();
  upload->receive(kModel + kLong);
  upload->receive(kRest + kEnd);
  EXPECT_EQ(finish(*upload).response.status, 400);
}

// ... nor is it the upload's fault that its model is replaced while it arrives, that its turn does
// not come, or that nobody reads yet.
TEST_F(AudioUploadTest, WhatTheServerBreaksOffIsDoneAgain) {
  for (const Code code : {Code::unavailable, Code::resource_exhausted, Code::cancelled}) {
    registry.requests.clear();
    const auto upload = begin();
    upload->receive(kModel + kLong);
    registry.calls.back()->emit(segment_event(0, " half", 0, 1, false));
    registry.calls.back()->fail({code, "broken off", {}, 1000});
    upload->receive("more");
    upload->receive(kRest + kEnd);
    const Got got = finish(*upload);
    EXPECT_EQ(got.response.status, 200);
    EXPECT_EQ(json_at(got.response.body, "/text"), "Guten Tag");
    ASSERT_EQ(registry.requests.size(), 2u);
    EXPECT_EQ(registry.requests[1].op, "transcribe");
  }
}

// Its output has a place of its own until the form is complete: hours of text must not make it wait
// for a reader that comes later.
TEST_F(AudioUploadTest, TextIsTakenWhileTheRestArrives) {
  const auto upload = begin();
  upload->receive(kModel + kLong);
  FakeCall& call = *registry.calls.at(0);
  call.emit(segment_event(0, " one", 0, 1, false));
  call.emit(segment_event(1, " two", 1, 2, false));
  upload->receive("more");
  EXPECT_FALSE(call.pop());
  call.emit(segment_event(2, " three", 2, 3, false));
  upload->receive(kRest + kEnd);
  EXPECT_EQ(json_at(finish(*upload).response.body, "/text"), "one two three Guten Tag");
}

TEST_F(AudioUploadTest, ThatTextIsBounded) {
  Router small;
  add_openai_routes(small, {.registry = &registry, .response_bytes = 1000});
  HttpRequest head;
  head.headers.add("content-type", "multipart/form-data; boundary=b");
  const auto upload =
      small.find("POST", "/v1/audio/transcriptions").route->receiver(std::move(head), 8 << 20);
  upload->receive(kModel + kLong);
  FakeCall& call = *registry.calls.at(0);
  for (int i = 0; i < 20; ++i) call.emit(segment_event(i, std::string(99, 'a'), i, i + 1, false));
  upload->receive("more");
  EXPECT_TRUE(call.pop()) << "the rest waits with the call";
}

TEST_F(AudioUploadTest, WhatNeedsNoBodyIsSaidBeforeIt) {
  HttpRequest head;
  head.headers.add("content-type", "application/json");
  const auto upload =
      router.find("POST", "/v1/audio/transcriptions").route->receiver(std::move(head), 1000);
  const auto refused = upload->receive({});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 415);
}

TEST_F(AudioUploadTest, WithoutAModelItIsReceivedFirst) {
  const auto upload = begin();
  upload->receive(kLong);
  upload->receive(kRest + kModel + kEnd);
  EXPECT_TRUE(registry.requests.empty());
  finish(*upload);
  ASSERT_EQ(registry.requests.size(), 1u);
  EXPECT_EQ(registry.requests[0].op, "transcribe");
  EXPECT_TRUE(registry.requests[0].input(0).starts_with("first\n"));
}

TEST_F(AudioUploadTest, FieldsThatMakeNoRequestYetAreNoError) {
  const auto upload = begin();
  upload->receive(kModel + form_field("timestamp_granularities[]", "word") + kLong);
  EXPECT_TRUE(registry.requests.empty());
  upload->receive(kRest + form_field("response_format", "verbose_json") + kEnd);
  EXPECT_EQ(finish(*upload).response.status, 500) << "the made-up model gives no words";
  EXPECT_EQ(registry.requests.at(0).op, "transcribe");
}

TEST_F(AudioUploadTest, AModelThatCannotGetsItWhole) {
  registry.info.ops = {"transcribe"};
  const auto upload = begin();
  upload->receive(kModel + kLong);
  upload->receive(kRest + kEnd);
  finish(*upload);
  ASSERT_EQ(registry.requests.size(), 1u);
  EXPECT_EQ(registry.requests[0].op, "transcribe");
}

TEST_F(AudioUploadTest, ShortOnesAreReceivedFirst) {
  const auto upload = begin();
  upload->receive(kModel + form_file(std::string(1 << 19, 'x')));
  EXPECT_TRUE(registry.requests.empty());
}

// Nobody has to send hours of audio to learn that there is no such model, or no room.
TEST_F(AudioUploadTest, WhatNoFieldCanMendIsSaidAtOnce) {
  auto upload = begin();
  auto refused = upload->receive(form_field("model", "other") + kLong);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 404);
  registry.refuse = {Code::resource_exhausted, "full", {}, 2500};
  upload = begin();
  refused = upload->receive(kModel + kLong);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  upload = begin();
  refused = upload->receive("--b\r\nno header\r\n");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  upload = begin();
  refused = upload->receive(kModel + kLong + kRest + form_file("another"));
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->body, HasSubstr("file is given twice"));
}

TEST_F(AudioUploadTest, WhoLeavesCancels) {
  auto upload = begin();
  upload->receive(kModel + kLong);
  ASSERT_EQ(registry.calls.size(), 1u);
  EXPECT_EQ(registry.calls[0]->cancelled(), CancelReason::none);
  upload.reset();
  EXPECT_EQ(registry.calls[0]->cancelled(), CancelReason::client);
}

// However many clients dawdle, the model's places are for those who have sent their audio.
TEST_F(AudioUploadTest, FewBeginEarly) {
  std::vector<std::unique_ptr<BodyReceiver>> uploads;
  for (int i = 0; i < 20; ++i) {
    uploads.push_back(begin());
    EXPECT_FALSE(uploads.back()->receive(kModel + kLong));
  }
  EXPECT_EQ(registry.requests.size(), 16u);
  uploads[19]->receive(kRest + kEnd);
  EXPECT_EQ(finish(*uploads[19]).response.status, 200);
  EXPECT_EQ(registry.requests.back().op, "transcribe");
  uploads.erase(uploads.begin());
  uploads.push_back(begin());
  uploads.back()->receive(kModel + kLong);
  EXPECT_EQ(registry.requests.back().op, "transcribe_upload");
  registry.calls[1]->end();  // that one has no use for more
  uploads[0]->receive("more");
  uploads.push_back(begin("/v1/audio/translations"));
  uploads.back()->receive(kModel + kLong);
  EXPECT_EQ(registry.requests.back().op, "transcribe_upload");
  EXPECT_EQ(registry.requests.size(), 19u);
}

}  // namespace
}  // namespace serval::host
