#include "tests/host/protocols/fake_transcriber.h"

#include <sstream>

#include "common/json.h"
#include "serval/request.h"

namespace serval::host {

Event segment_event(int id, const std::string& text, double start, double end, bool words) {
  json::object meta = {{"id", id},
                       {"seek", 0},
                       {"start", start},
                       {"end", end},
                       {"tokens", {50364, 7}},
                       {"temperature", 0.0},
                       {"avg_logprob", -0.25},
                       {"compression_ratio", 1.5},
                       {"no_speech_prob", 0.125},
                       {"degraded", text.find("hmm") != std::string::npos}};
  if (words) {
    json::array list;
    std::istringstream in(text);
    double at = start;
    for (std::string word; in >> word; at += 0.5)
      list.push_back(
          {{"word", " " + word}, {"start", at}, {"end", at + 0.5}, {"probability", 0.75}});
    meta["words"] = std::move(list);
  }
  return {SERVAL_EVENT_TEXT, 0, false, text, json::serialize(meta), 0};
}

Event result_event(const std::string& json) { return {SERVAL_EVENT_JSON, 0, true, json, {}, 0}; }

void transcriber_answers(const Request& request, const std::shared_ptr<FakeCall>& call) {
  const json::value params = *parse_json(request.params_json);
  const bool words = params.at("timestamps") == "word";
  std::istringstream lines{std::string(request.input(0))};
  json::array failed;
  int id = 0;
  double at = 0;
  for (std::string line; std::getline(lines, line); at += 2) {
    if (line.starts_with('?'))
      failed.push_back({{"start", at}, {"end", at + 2}, {"why", line.substr(1)}});
    else
      call->emit(segment_event(id++, " " + line, at, at + 2, words));
  }
  call->emit(result_event(json::serialize(json::object{{"task", params.at("task")},
                                                       {"language", "german"},
                                                       {"language_probability", 0.9},
                                                       {"duration", at},
                                                       {"speech_seconds", at},
                                                       {"failed", std::move(failed)}})));
  call->end(0, id);
}

std::string form_field(const std::string& name, const std::string& value) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

std::string form_file(const std::string& bytes) {
  return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
         "Content-Type: audio/wav\r\n\r\n" +
         bytes + "\r\n";
}

Got post_form(const Router& router, const std::string& path, const std::string& fields) {
  HttpRequest request;
  request.method = "POST";
  request.path = path;
  request.body = fields + "--b--\r\n";
  request.headers.add("content-type", "multipart/form-data; boundary=b");
  return ask(router, std::move(request));
}

}  // namespace serval::host
