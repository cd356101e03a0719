// A whole Serval plugin. `echo` gives its inputs back; `chat` and `complete` answer with the last
// user message or the prompt, word by word. docs/writing-plugins.md walks through it.
#include <serval/sdk.hpp>

namespace sdk = serval::sdk;
using Pieces = std::vector<std::string>;

// One running request: emits its pieces in turn, one a step, all of them `rounds` times.
class Echo final : public sdk::Task {
 public:
  Pieces pieces;
  int64_t rounds = 1;         // repeats of `echo`, choices of the others
  std::string finish_reason;  // "" for `echo`
  int64_t prompt_words = 0;

  sdk::Result<sdk::Progress> step(sdk::TaskContext& out) override {
    const uint32_t index = finish_reason.empty() ? 0 : uint32_t(round_);
    if (next_ < pieces.size()) out.text(index, pieces[next_++]);
    if (next_ < pieces.size()) return sdk::Progress::more;
    if (!finish_reason.empty())
      out.text(index, "", "{\"finish_reason\":\"" + finish_reason + "\"}", true);
    next_ = 0;
    return ++round_ < rounds ? sdk::Progress::more : sdk::Progress::done;
  }
  std::string usage_json() const override {
    return "{\"prompt_tokens\":" + std::to_string(prompt_words) +
           ",\"completion_tokens\":" + std::to_string(int64_t(pieces.size()) * rounds) +
           ",\"cached_tokens\":0}";
  }

 private:
  std::size_t next_ = 0;
  int64_t round_ = 0;
};

// The text of the last message from the user; content is a string, null or an array of parts.
static std::string last_user_text(const sdk::Json& messages) {
  std::string text;
  for (const sdk::Json& message : messages.items()) {
    const sdk::Json* role = message.find("role");
    const sdk::Json* content = message.find("content");
    if (role == nullptr || role->text() != "user" || content == nullptr) continue;
    text = content->text();
    for (const sdk::Json& part : content->items())
      if (const sdk::Json* t = part.find("text")) text += t->text();
  }
  return text;
}

static sdk::Result<std::unique_ptr<sdk::Task>> make_task(const sdk::Request& request) {
  auto echo = std::make_unique<Echo>();
  sdk::ParamReader params(request.params_json());
  if (request.op() == "echo") {
    params.optional("repeat", echo->rounds, 1, 1'000'000);
    for (std::size_t i = 0; i < request.inputs(); ++i) echo->pieces.emplace_back(request.input(i));
  } else {
    int64_t most = INT64_MAX, seed = 0;
    double temperature = 0, top_p = 1;  // there is one answer only, so these cannot change it
    params.optional("max_tokens", most = request.op() == "chat" ? most : 16, 0, INT64_MAX);
    params.optional("n", echo->rounds, 1, 128);
    params.optional("seed", seed, INT64_MIN, INT64_MAX);
    params.optional("temperature", temperature, 0, 2);
    params.optional("top_p", top_p, 0, 1);
    std::string prompt(request.input(0));
    if (request.op() == "chat") {
      const sdk::Result<sdk::Json> messages = sdk::Json::parse(prompt);
      if (!messages) return messages.error();
      prompt = last_user_text(*messages);
    }
    echo->pieces = sdk::split_words(prompt);
    echo->prompt_words = int64_t(echo->pieces.size());
    echo->finish_reason = echo->prompt_words > most ? "length" : "stop";
    echo->pieces.resize(std::min(echo->prompt_words, most));
  }
  if (const sdk::Status ok = params.finish(); !ok) return ok.error();
  for (const std::string& piece : echo->pieces)
    if (!sdk::is_utf8(piece)) return sdk::invalid("the input is not UTF-8");
  return echo;
}

class EchoPlugin final : public sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig&) override {
    return sdk::Resource{.load_peak = 1 << 20, .steady = 8 << 20};
  }
  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig&, sdk::Host host,
                                                sdk::ModelRef model) override {
    return std::make_unique<sdk::TaskModel>(host, model, make_task);
  }
  const char* config_schema() const override {
    return R"({"type":"object","additionalProperties":false})";
  }
};

SERVAL_EXPORT_PLUGIN(EchoPlugin, "org.serval.examples.echo", "1.0.0",
                     SERVAL_OPS("echo", "chat", "complete"), .vendor = "Serval",
                     .license = "Apache-2.0", .description = "Gives back what it is given");
