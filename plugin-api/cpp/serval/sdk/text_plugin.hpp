// A whole plugin from one function: text in, text out. For what answers at once and keeps no state.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serval/sdk/params.hpp"
#include "serval/sdk/plugin.hpp"
#include "serval/sdk/task.hpp"
#include "serval/sdk/utf8.hpp"

namespace serval::sdk {

// The answer to a prompt, UTF-8. Called on the model's loop thread: well under 50 ms.
using TextFunction = Result<std::string> (*)(std::string_view prompt);

// Op "complete" of docs/requests.md. The answer is emitted word by word; max_tokens, n and the
// counts of the usage are in words. There is one answer only, so seed, temperature and top_p are
// checked and change nothing.
class TextTask final : public Task {
 public:
  static Result<std::unique_ptr<Task>> make(const Request& request, TextFunction answer) {
    auto task = std::make_unique<TextTask>();
    int64_t most = 16, seed = 0;
    double temperature = 0, top_p = 1;
    ParamReader params(request.params_json());
    params.optional("max_tokens", most, 0, INT64_MAX);
    params.optional("n", task->choices_, 1, 128);
    params.optional("seed", seed, INT64_MIN, INT64_MAX);
    params.optional("temperature", temperature, 0, 2);
    params.optional("top_p", top_p, 0, 1);
    if (const Status ok = params.finish(); !ok) return ok.error();
    if (!is_utf8(request.input(0))) return invalid("the prompt is not UTF-8", "prompt");
    const Result<std::string> text = answer(request.input(0));
    if (!text) return text.error();
    if (!is_utf8(*text)) return Error{SERVAL_INTERNAL, "the answer is not UTF-8", {}};
    task->words_ = split_words(*text);
    task->prompt_words_ = int64_t(split_words(request.input(0)).size());
    if (int64_t(task->words_.size()) > most) {
      task->words_.resize(std::size_t(most));
      task->last_meta_ = R"({"finish_reason":"length"})";
    }
    return task;
  }

  Result<Progress> step(TaskContext& out) override {
    if (next_ < words_.size()) {
      out.text(uint32_t(choice_), words_[next_++]);
      return Progress::more;
    }
    out.text(uint32_t(choice_), "", last_meta_, true);
    next_ = 0;
    return ++choice_ < choices_ ? Progress::more : Progress::done;
  }

  std::string usage_json() const override {
    return "{\"prompt_tokens\":" + std::to_string(prompt_words_) +
           ",\"completion_tokens\":" + std::to_string(int64_t(words_.size()) * choices_) +
           ",\"cached_tokens\":0}";
  }

 private:
  std::vector<std::string> words_;
  std::string last_meta_ = R"({"finish_reason":"stop"})";
  int64_t choices_ = 1, choice_ = 0, prompt_words_ = 0;
  std::size_t next_ = 0;
};

// SERVAL_EXPORT_PLUGIN(serval::sdk::TextPlugin<answer>, "com.example.name", "1.0.0",
// SERVAL_OPS("complete"));
template <TextFunction answer>
class TextPlugin final : public Plugin {
 public:
  Result<Resource> probe(const ModelConfig&) override {
    return Resource{.load_peak = 1 << 20, .steady = 8 << 20};
  }
  Result<std::unique_ptr<Model>> open(const ModelConfig&, Host host, ModelRef model) override {
    return std::make_unique<TaskModel>(
        host, model, [](const Request& request) { return TextTask::make(request, answer); });
  }
  const char* config_schema() const override {
    return R"({"type":"object","additionalProperties":false})";
  }
};

}  // namespace serval::sdk
