#include <vector>

#include "host/protocols/json_text.h"
#include "host/protocols/openai/logprobs.h"
#include "host/protocols/openai/renderers.h"

namespace serval::host {
namespace {

class ChatBody : public Renderer {
 public:
  explicit ChatBody(RenderOptions options)
      : options_(std::move(options)), choices_(std::size_t(options_.choices)) {}

  void begin(std::string&) override {}

  void event(int index, const Event& event, const EventMeta& meta, std::string&) override {
    Choice& choice = choices_[std::size_t(index)];
    const std::size_t before = choice.text.size() + choice.logprobs.size();
    choice.text += event.data;
    if (options_.logprobs && !meta.tokens.empty()) {
      if (!choice.logprobs.empty()) choice.logprobs += ',';
      append_chat_logprobs(choice.logprobs, meta.tokens);
    }
    if (event.last) choice.finish_reason = meta.finish_reason;
    held_ += choice.text.size() + choice.logprobs.size() - before;
  }

  void end(const Usage& usage, std::string& out) override {
    out.reserve(out.size() + held_ + held_ / 8 + 512);
    out += reply_prefix(options_, "chat.completion");
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (i > 0) out += ',';
      out += "{\"index\":";
      append_number(out, int64_t(i));
      out += ",\"message\":{\"role\":\"assistant\",\"content\":";
      append_json_string(out, choices_[i].text);
      out += ",\"refusal\":null},\"logprobs\":";
      if (options_.logprobs) {
        out.append("{\"content\":[").append(choices_[i].logprobs).append("],\"refusal\":null}");
      } else {
        out += "null";
      }
      out += ",\"finish_reason\":";
      append_finish_reason(out, choices_[i].finish_reason);
      out += '}';
    }
    out += "],\"usage\":";
    append_usage(out, usage);
    out += '}';
  }

  std::size_t held() const override { return held_; }

 private:
  struct Choice {
    std::string text, logprobs, finish_reason;
  };
  const RenderOptions options_;
  std::vector<Choice> choices_;
  std::size_t held_ = 0;
};

class ChatEvents : public Renderer {
 public:
  explicit ChatEvents(RenderOptions options)
      : options_(std::move(options)),
        prefix_("data: " + reply_prefix(options_, "chat.completion.chunk")),
        suffix_(options_.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n") {}

  void begin(std::string& out) override {
    for (int i = 0; i < options_.choices; ++i) {
      out.append(prefix_).append("{\"index\":");
      append_number(out, i);
      out +=
          ",\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
          "\"logprobs\":null,\"finish_reason\":null";
      out += suffix_;
    }
  }

  void event(int index, const Event& event, const EventMeta& meta, std::string& out) override {
    const bool scored = options_.logprobs && !meta.tokens.empty();
    if (!event.data.empty() || scored) {
      open(index, out);
      out += "{\"content\":";
      append_json_string(out, event.data);
      out += "},\"logprobs\":";
      if (scored) {
        out += "{\"content\":[";
        append_chat_logprobs(out, meta.tokens);
        out += "],\"refusal\":null}";
      } else {
        out += "null";
      }
      out += ",\"finish_reason\":null";
      out += suffix_;
    }
    if (event.last) {  // clients expect the reason in a chunk of its own
      open(index, out);
      out += "{},\"logprobs\":null,\"finish_reason\":";
      append_finish_reason(out, meta.finish_reason);
      out += suffix_;
    }
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
  void open(int index, std::string& out) const {
    out.append(prefix_).append("{\"index\":");
    append_number(out, index);
    out += ",\"delta\":";
  }

  const RenderOptions options_;
  const std::string prefix_, suffix_;
};

}  // namespace

std::unique_ptr<Renderer> chat_body(RenderOptions options) {
  return std::make_unique<ChatBody>(std::move(options));
}

std::unique_ptr<Renderer> chat_events(RenderOptions options) {
  return std::make_unique<ChatEvents>(std::move(options));
}

std::string reply_prefix(const RenderOptions& options, std::string_view object) {
  std::string out = "{\"id\":";
  append_json_string(out, options.id);
  out += ",\"object\":";
  append_json_string(out, object);
  out += ",\"created\":";
  append_number(out, options.created_unix);
  out += ",\"model\":";
  append_json_string(out, options.model);
  out += ",\"service_tier\":\"default\",\"system_fingerprint\":";
  append_json_string(out, options.fingerprint);
  out += ",\"choices\":[";
  return out;
}

void append_finish_reason(std::string& out, const std::string& reason) {
  if (reason.empty()) {
    out += "null";
  } else {
    append_json_string(out, reason);
  }
}

}  // namespace serval::host
