#include <vector>

#include "host/protocols/json_text.h"
#include "host/protocols/openai/logprobs.h"
#include "host/protocols/openai/renderers.h"

namespace serval::host {
namespace {

// {"index":0,"text":"..","logprobs":..,"finish_reason":..}
void append_choice(std::string& out, int index, std::string_view text, LegacyLogprobs* logprobs,
                   const std::string& finish_reason) {
  out += "{\"index\":";
  append_number(out, index);
  out += ",\"text\":";
  append_json_string(out, text);
  out += ",\"logprobs\":";
  if (logprobs != nullptr) {
    logprobs->write(out);
  } else {
    out += "null";
  }
  out += ",\"finish_reason\":";
  append_finish_reason(out, finish_reason);
  out += '}';
}

struct Choice {
  explicit Choice(int top) : logprobs(top) {}
  std::string text, finish_reason;
  LegacyLogprobs logprobs;
};

class CompletionBody : public Renderer {
 public:
  explicit CompletionBody(RenderOptions options) : options_(std::move(options)) {
    for (int i = 0; i < options_.choices; ++i) choices_.emplace_back(options_.top_logprobs);
  }

  void begin(std::string&) override {}

  void event(int index, const Event& event, const EventMeta& meta, std::string&) override {
    Choice& choice = choices_[std::size_t(index)];
    const std::size_t before = choice.text.size() + choice.logprobs.bytes();
    choice.text += event.data;
    if (options_.logprobs) choice.logprobs.add(meta.tokens);
    if (event.last) choice.finish_reason = meta.finish_reason;
    held_ += choice.text.size() + choice.logprobs.bytes() - before;
  }

  void end(const Usage& usage, std::string& out) override {
    out.reserve(out.size() + held_ + held_ / 8 + 512);
    out += reply_prefix(options_, "text_completion");
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      Choice& choice = choices_[i];
      if (i > 0) out += ',';
      append_choice(out, int(i), choice.text, options_.logprobs ? &choice.logprobs : nullptr,
                    choice.finish_reason);
    }
    out += "],\"usage\":";
    append_usage(out, usage);
    out += '}';
  }

  std::size_t held() const override { return held_; }

 private:
  const RenderOptions options_;
  std::vector<Choice> choices_;
  std::size_t held_ = 0;
};

class CompletionEvents : public Renderer {
 public:
  explicit CompletionEvents(RenderOptions options)
      : options_(std::move(options)),
        prefix_("data: " + reply_prefix(options_, "text_completion")),
        suffix_(options_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n") {
    for (int i = 0; i < options_.choices; ++i) logprobs_.emplace_back(options_.top_logprobs);
  }

  void begin(std::string&) override {}

  void event(int index, const Event& event, const EventMeta& meta, std::string& out) override {
    LegacyLogprobs& logprobs = logprobs_[std::size_t(index)];
    if (options_.logprobs) logprobs.add(meta.tokens);
    if (event.data.empty() && logprobs.empty() && !event.last) return;
    out += prefix_;
    append_choice(out, index, event.data, logprobs.empty() ? nullptr : &logprobs,
                  event.last ? meta.finish_reason : std::string());
    out += suffix_;
  }

  void end(const Usage& usage, std::string& out) override {
    if (options_.include_usage) {
      out.append(prefix_).append("],\"usage\":");
      append_usage(out, usage);
      out += "}\n\n";
    }
    out += kStreamEnd;
  }

 private:
  const RenderOptions options_;
  const std::string prefix_, suffix_;
  std::vector<LegacyLogprobs> logprobs_;
};

}  // namespace

std::unique_ptr<Renderer> completion_body(RenderOptions options) {
  return std::make_unique<CompletionBody>(std::move(options));
}

std::unique_ptr<Renderer> completion_events(RenderOptions options) {
  return std::make_unique<CompletionEvents>(std::move(options));
}

}  // namespace serval::host
