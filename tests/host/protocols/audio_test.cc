// POST /v1/audio/transcriptions and /v1/audio/translations.
#include "host/protocols/openai/audio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serval/request.h"
#include "tests/host/protocols/fake_transcriber.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

using testing::HasSubstr;

const std::string kHere = "Guten Tag\nund willkommen";

struct Audio : testing::Test {
  FakeRegistry registry{"m", transcriber_answers};
  Router router;
  Audio() { add_openai_routes(router, {&registry}); }

  Got post(const std::string& fields, const std::string& audio = kHere,
           const std::string& path = "/v1/audio/transcriptions") {
    return post_form(router, path, form_field("model", "m") + form_file(audio) + fields);
  }
  Got in_format(const std::string& format, const std::string& audio = kHere) {
    return post(form_field("response_format", format), audio);
  }
  json::value params() { return *parse_json(registry.requests.back().params_json); }
};

TEST_F(Audio, Json) {
  const Got got = post("");
  ASSERT_EQ(got.response.status, 200) << got.response.body;
  EXPECT_EQ(got.response.body,
            R"({"text":"Guten Tag und willkommen","usage":{"type":"duration","seconds":4}})");
  EXPECT_EQ(got.response.headers.get("content-type"), "application/json");
  EXPECT_EQ(got.response.headers.count("openai-processing-ms"), 1u);
  EXPECT_EQ(got.response.headers.count("x-failed-seconds"), 0u);
  const Request& request = registry.requests.at(0);
  EXPECT_EQ(request.op, "transcribe");
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.input(0), kHere);
  EXPECT_EQ(params(), (json::object{{"task", "transcribe"}, {"timestamps", "none"}}));
}

TEST_F(Audio, TheOtherForms) {
  Got got = in_format("text");
  EXPECT_EQ(got.response.body, "Guten Tag und willkommen\n");
  EXPECT_EQ(got.response.headers.get("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(params().at("timestamps"), "none");
  got = in_format("srt");
  EXPECT_EQ(got.response.body,
            "1\n00:00:00,000 --> 00:00:02,000\nGuten Tag\n\n"
            "2\n00:00:02,000 --> 00:00:04,000\nund willkommen\n\n");
  EXPECT_EQ(params().at("timestamps"), "segment");
  got = in_format("vtt");
  EXPECT_EQ(got.response.body,
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nGuten Tag\n\n"
            "00:00:02.000 --> 00:00:04.000\nund willkommen\n\n");
}

TEST_F(Audio, VerboseJson) {
  Got got = in_format("verbose_json", "hmm\nja");
  EXPECT_EQ(
      got.response.body,
      R"({"task":"transcribe","language":"german","duration":4,"text":"hmm ja","segments":[)"
      R"({"id":0,"seek":0,"start":0,"end":2,"text":" hmm","tokens":[50364,7],"temperature":0,)"
      R"("avg_logprob":-0.25,"compression_ratio":1.5,"no_speech_prob":0.125,"degraded":true},)"
      R"({"id":1,"seek":0,"start":2,"end":4,"text":" ja","tokens":[50364,7],"temperature":0,)"
      R"("avg_logprob":-0.25,"compression_ratio":1.5,"no_speech_prob":0.125}],)"
      R"("usage":{"type":"duration","seconds":4}})");
  EXPECT_EQ(params().at("timestamps"), "segment");

  const std::string verbose = form_field("response_format", "verbose_json");
  const std::string word = form_field("timestamp_granularities[]", "word");
  const std::string segment = form_field("timestamp_granularities[]", "segment");
  got = post(verbose + word);
  EXPECT_EQ(params().at("timestamps"), "word");
  EXPECT_FALSE(parse_json(got.response.body)->as_object().contains("segments"));
  EXPECT_EQ(json_at(got.response.body, "/words/1"),
            (json::object{{"word", "Tag"}, {"start", 0.5}, {"end", 1}}));
  got = post(verbose + word + segment);
  EXPECT_EQ(json_at(got.response.body, "/segments").as_array().size(), 2u);
  EXPECT_EQ(json_at(got.response.body, "/words").as_array().size(), 4u);
  got = post(verbose + segment);
  EXPECT_FALSE(parse_json(got.response.body)->as_object().contains("words"));
}

TEST_F(Audio, TranslationsAreEnglish) {
  const Got got =
      post(form_field("response_format", "verbose_json"), kHere, "/v1/audio/translations");
  EXPECT_EQ(json_at(got.response.body, "/task"), "translate");
  EXPECT_EQ(json_at(got.response.body, "/language"), "english");
  EXPECT_EQ(params().at("task"), "translate");
}

TEST_F(Audio, WhatFailedIsSaid) {
  Got got = in_format("json", "eins\n?a loop\nzwei");
  EXPECT_EQ(json_at(got.response.body, "/text"), "eins zwei");
  EXPECT_EQ(json_at(got.response.body, "/failed"),
            (json::array{{{"start", 2}, {"end", 4}, {"why", "a loop"}}}));
  got = in_format("srt", "eins\n?a loop\nzwei\n?again");
  EXPECT_EQ(got.response.headers.get("x-failed-seconds"), "2-4, 6-8");
  got = post(form_field("stream", "true"), "eins\n?a loop");
  EXPECT_EQ(json_at(sse_data(got.response.body).at(1), "/failed/0/why"), "a loop");
}

TEST_F(Audio, SubtitlesKeepTheirForm) {
  registry.script = [](const Request&, const std::shared_ptr<FakeCall>& call) {
    call->emit(segment_event(0, " a --> b\n\nc ", 3661.0015, 7322.25, false));
    call->emit(result_event(R"({"task":"transcribe","language":"english","duration":7322.25})"));
    call->end();
  };
  EXPECT_EQ(in_format("srt").response.body, "1\n01:01:01,002 --> 02:02:02,250\na -> b\nc\n\n");
}

TEST_F(Audio, EveryOptionIsPassedOn) {
  const Got got = post(
      form_field("language", "de") + form_field("prompt", "12") + form_field("hotwords", "true") +
      form_field("temperature", "0.5") + form_field("beam_size", "5") + form_field("best_of", "3") +
      form_field("patience", "1") + form_field("length_penalty", "0.9") +
      form_field("repetition_penalty", "1.1") + form_field("no_repeat_ngram_size", "3") +
      form_field("suppress_blank", "false") + form_field("suppress_tokens", "-1,220") +
      form_field("compression_ratio_threshold", "2.4") + form_field("log_prob_threshold", "-1") +
      form_field("no_speech_threshold", "0.6") + form_field("condition_on_previous_text", "True") +
      form_field("vad", "true") + form_field("vad_threshold", "0.4") +
      form_field("vad_min_silence_ms", "500") + form_field("vad_speech_pad_ms", "100") +
      form_field("seed", "-7") + form_field("encoding", "pcm_s16le") +
      form_field("sample_rate", "8000") + form_field("channels", "2"));
  ASSERT_EQ(got.response.status, 200) << got.response.body;
  EXPECT_EQ(params(), (json::object{{"task", "transcribe"},
                                    {"timestamps", "none"},
                                    {"language", "de"},
                                    {"prompt", "12"},
                                    {"hotwords", "true"},
                                    {"temperature", 0.5},
                                    {"beam_size", 5},
                                    {"best_of", 3},
                                    {"patience", 1},
                                    {"length_penalty", 0.9},
                                    {"repetition_penalty", 1.1},
                                    {"no_repeat_ngram_size", 3},
                                    {"suppress_blank", false},
                                    {"suppress_tokens", {-1, 220}},
                                    {"compression_ratio_threshold", 2.4},
                                    {"log_prob_threshold", -1},
                                    {"no_speech_threshold", 0.6},
                                    {"condition_on_previous_text", true},
                                    {"vad", true},
                                    {"vad_threshold", 0.4},
                                    {"vad_min_silence_ms", 500},
                                    {"vad_speech_pad_ms", 100},
                                    {"seed", -7},
                                    {"encoding", "pcm_s16le"},
                                    {"sample_rate", 8000},
                                    {"channels", 2}}));
}

TEST_F(Audio, OpenAisOwnNames) {
  post(form_field("chunking_strategy", "auto") + form_field("keywords[]", "Serval") +
       form_field("keywords[]", "GGUF"));
  EXPECT_EQ(params().at("vad"), true);
  EXPECT_EQ(params().at("hotwords"), "Serval, GGUF");
  const json::object vad = {{"task", "transcribe"},      {"timestamps", "none"},
                            {"vad_threshold", 0.3},      {"vad_speech_pad_ms", 300},
                            {"vad_min_silence_ms", 200}, {"vad", true}};
  post(form_field("chunking_strategy[type]", "server_vad") +
       form_field("chunking_strategy[threshold]", "0.3") +
       form_field("chunking_strategy[prefix_padding_ms]", "300") +
       form_field("chunking_strategy[silence_duration_ms]", "200"));
  EXPECT_EQ(params(), vad);
  post(form_field("chunking_strategy", R"({"type":"server_vad","threshold":0.3,)"
                                       R"("prefix_padding_ms":300,"silence_duration_ms":200})"));
  EXPECT_EQ(params(), vad);
}

TEST_F(Audio, StreamsAnEventASegment) {
  const Got got = post(form_field("stream", "true"));
  EXPECT_EQ(got.response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(got.state, Reply::State::done);
  EXPECT_THAT(
      sse_data(got.response.body),
      testing::ElementsAre(R"({"type":"transcript.text.delta","delta":"Guten Tag"})",
                           R"({"type":"transcript.text.delta","delta":" und willkommen"})",
                           R"({"type":"transcript.text.done","text":"Guten Tag und willkommen",)"
                           R"("usage":{"type":"duration","seconds":4}})",
                           "[DONE]"));
}

TEST_F(Audio, SegmentsGoOutAsTheyCome) {
  registry.script = nullptr;
  Got got = post(form_field("stream", "true"));
  EXPECT_EQ(got.response.status, 0) << "no head before anything is known";
  FakeCall& call = *registry.calls.at(0);
  call.emit(segment_event(0, " one", 0, 1, false));
  EXPECT_FALSE(read_on(got));
  EXPECT_EQ(sse_data(got.response.body).size(), 1u);
  call.emit(segment_event(1, " two ", 1, 2, false));
  EXPECT_FALSE(read_on(got));
  EXPECT_EQ(json_at(sse_data(got.response.body).at(1), "/delta"), " two");
  call.fail(error(Code::unavailable, "the server stops"));
  EXPECT_TRUE(read_on(got));
  EXPECT_EQ(got.state, Reply::State::failed);
  EXPECT_EQ(json_at(sse_data(got.response.body).at(2), "/error/code"), "unavailable");
}

TEST_F(Audio, WhoLeavesCancels) {
  registry.script = nullptr;
  for (const char* stream : {"false", "true"}) {
    Got got = post(form_field("stream", stream));
    const auto call = registry.calls.back();
    EXPECT_EQ(call->cancelled(), CancelReason::none);
    got.reply.reset();
    EXPECT_EQ(call->cancelled(), CancelReason::client);
  }
}

TEST_F(Audio, ErrorsNameTheField) {
  const auto refused = [&](const std::string& field, const std::string& value,
                           const std::string& param, const std::string& message) {
    const Got got = post(form_field(field, value));
    EXPECT_EQ(got.response.status, 400) << field;
    EXPECT_EQ(json_at(got.response.body, "/error/param"), json::value(param)) << got.response.body;
    EXPECT_THAT(std::string(json_at(got.response.body, "/error/message").as_string()),
                HasSubstr(message));
  };
  refused("temperature", "1.5", "temperature", "from 0 to 1");
  refused("temperature", "hot", "temperature", "a number");
  refused("beam_size", "5.5", "beam_size", "an integer");
  refused("vad", "1", "vad", "true or false");
  refused("patience", "much", "patience", "a number");
  refused("language[]", "de", "language", "text");
  refused("suppress_tokens", "1,,2", "suppress_tokens", "token ids");
  refused("suppress_tokens", "1,", "suppress_tokens", "token ids");
  refused("response_format", "diarized_json", "response_format", "json, text");
  refused("timestamp_granularities[]", "word", "timestamp_granularities", "verbose_json");
  refused("beam_sizes", "5", "beam_sizes", "did you mean beam_size?");
  refused("include[]", "logprobs", "include", "not supported");
  refused("known_speaker_names[]", "a", "known_speaker_names", "not supported");
  refused("chunking_strategy", "manual", "chunking_strategy", "\"auto\"");
  refused("chunking_strategy[type]", "none", "chunking_strategy",
          "chunking_strategy: type must be \"server_vad\"");
  refused("model", "m", "model", "given twice");
  refused("prompt", "\xff", "prompt", "UTF-8");
  refused("file", "x", "file", "given twice");
  EXPECT_TRUE(registry.requests.empty());
}

TEST_F(Audio, FormsThatCannotBeServed) {
  const std::string path = "/v1/audio/transcriptions", model = form_field("model", "m");
  Got got = post_form(router, path, model);
  EXPECT_EQ(json_at(got.response.body, "/error/message"), "file is missing");
  got = post_form(router, path, model + form_field("file", "x"));
  EXPECT_EQ(json_at(got.response.body, "/error/param"), "file");
  got = post_form(router, path, model + form_file(""));
  EXPECT_EQ(json_at(got.response.body, "/error/message"), "file is empty");
  got = post_form(router, path, form_file("x"));
  EXPECT_EQ(json_at(got.response.body, "/error/message"), "model is missing");
  got = post(form_field("stream", "true") + form_field("response_format", "srt"));
  EXPECT_EQ(json_at(got.response.body, "/error/param"), "response_format");
  got = post_json(router, path, "{}");
  EXPECT_EQ(got.response.status, 415);
  got = post_form(router, path, form_field("model", "other") + form_file("x"));
  EXPECT_EQ(got.response.status, 404);
  EXPECT_EQ(json_at(got.response.body, "/error/code"), "model_not_found");
}

TEST_F(Audio, TheModelsErrorsAreTheClients) {
  for (const char* stream : {"false", "true"}) {
    registry.script = [](const Request&, const std::shared_ptr<FakeCall>& call) {
      call->fail(invalid("this is no audio", "audio"));
    };
    Got got = post(form_field("stream", stream));
    EXPECT_EQ(got.response.status, 400);
    EXPECT_EQ(json_at(got.response.body, "/error/param"), "file");
    registry.script = [](const Request&, const std::shared_ptr<FakeCall>& call) {
      call->fail({Code::resource_exhausted, "full", {}, 2500});
    };
    got = post(form_field("stream", stream));
    EXPECT_EQ(got.response.status, 429);
    EXPECT_EQ(got.response.headers.get("retry-after"), "3");
  }
}

TEST_F(Audio, AModelThatBreaksItsContractIsFoundOut) {
  const std::string good = R"({"task":"transcribe","language":"english","duration":1})";
  const auto status = [&](std::vector<Event> events) {
    registry.script = [&](const Request&, const std::shared_ptr<FakeCall>& call) {
      for (const Event& event : events) call->emit(event);
      call->end();
    };
    return post(form_field("response_format", "verbose_json") +
                form_field("timestamp_granularities[]", "word") +
                form_field("timestamp_granularities[]", "segment"))
        .response.status;
  };
  const Event segment = segment_event(0, " a", 0, 1, true);
  EXPECT_EQ(status({segment, result_event(good)}), 200);
  EXPECT_EQ(status({segment}), 500);
  EXPECT_EQ(status({}), 500);
  EXPECT_EQ(status({result_event(good), segment}), 500);
  EXPECT_EQ(status({result_event("[]")}), 500);
  EXPECT_EQ(status({result_event(R"({"duration":1})")}), 500);
  EXPECT_EQ(status({result_event(R"({"task":"t","language":"e","duration":1,"failed":[{}]})")}),
            500);
  EXPECT_EQ(status({segment_event(0, " a", 2, 1, true), result_event(good)}), 500);
  EXPECT_EQ(status({segment_event(0, " a", 0, 1, false), result_event(good)}), 500);
  Event bare = segment;
  bare.meta_json = R"({"start":0,"end":1,"words":[]})";
  EXPECT_EQ(status({bare, result_event(good)}), 500);
  bare.meta_json.clear();
  EXPECT_EQ(status({bare, result_event(good)}), 500);
  EXPECT_EQ(status({{SERVAL_EVENT_PROGRESS, 0, false, {}, {}, 0}, segment, result_event(good)}),
            200);
}

TEST_F(Audio, AnswersAreBounded) {
  Router small;
  add_openai_routes(small, {.registry = &registry, .response_bytes = 100});
  const Got got = post_form(small, "/v1/audio/transcriptions",
                            form_field("model", "m") + form_file(std::string(101, 'x')));
  EXPECT_EQ(got.response.status, 400);
  EXPECT_THAT(got.response.body, HasSubstr("larger than 100 bytes"));
}

}  // namespace
}  // namespace serval::host
