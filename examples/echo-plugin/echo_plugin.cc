// A whole Serval plugin. `echo` gives its inputs back; `chat` and `complete` answer with the last
// user message or the prompt, word by word. docs/writing-plugins.md walks through it.
#include <serval/sdk.hpp>

namespace sdk = serval::sdk;

// One running request: emits its pieces in turn, one a step, all of them `rounds` times.
struct Echo final : sdk::Task {
  std::vector<std::string> pieces;
  int64_t rounds = 1;         // repeats of `echo`, choices of the others
  std::string finish_reason;  // "" for `echo`
  std::size_t prompt_words = 0, next = 0;
  int64_t round = 0;

  sdk::Result<sdk::Progress> step(sdk::TaskContext& out) override {
    const bool choices = !finish_reason.empty();
    if (next < pieces.size()) out.text(choices ? uint32_t(round) : 0, pieces[next++]);
    if (next < pieces.size()) return sdk::Progress::more;
    if (choices)
      out.text(uint32_t(round), "", R"({"finish_reason":")" + finish_reason + "\"}", true);
    next = 0;
    return ++round < rounds ? sdk::Progress::more : sdk::Progress::done;
  }
  std::string usage_json() const override {
    return R"({"prompt_tokens":)" + std::to_string(prompt_words) + R"(,"completion_tokens":)" +
           std::to_string(pieces.size() * std::size_t(rounds)) + R"(,"cached_tokens":0})";
  }
};

static sdk::Result<std::unique_ptr<sdk::Task>> make_task(const sdk::Request& request) {
  auto echo = std::make_unique<Echo>();
  sdk::ParamReader params(request.params_json());
  if (request.op() == "echo") {
    params.optional("repeat", echo->rounds, 1, 1'000'000);
    for (std::size_t i = 0; i < request.inputs(); ++i) echo->pieces.emplace_back(request.input(i));
  } else {
    std::string prompt(request.input(0));
    int64_t most = request.op() == "chat" ? INT64_MAX : 16;
    double temperature = 0;  // taken, but there is one answer only: it cannot change anything
    params.optional("max_tokens", most, 0, INT64_MAX);
    params.optional("n", echo->rounds, 1, 128);
    params.optional("temperature", temperature, 0, 2);
    if (request.op() == "chat") {
      const auto messages = sdk::read_messages(prompt);
      if (!messages) return messages.error();
      prompt.clear();
      for (const sdk::Message& m : *messages)
        if (m.role == "user") prompt = m.text;
    }
    echo->pieces = sdk::split_words(prompt);
    echo->prompt_words = echo->pieces.size();
    echo->finish_reason = echo->prompt_words > std::size_t(most) ? "length" : "stop";
    echo->pieces.resize(std::min(echo->prompt_words, std::size_t(most)));
  }
  if (const sdk::Status ok = params.finish(); !ok) return ok.error();
  for (const std::string& piece : echo->pieces)
    if (!sdk::is_utf8(piece)) return sdk::invalid("the input is not UTF-8");
  return echo;
}

struct EchoPlugin final : sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig&) override {
    return sdk::Resource{.load_peak = 1 << 20, .steady = 8 << 20};
  }
  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig&, sdk::Host host,
                                                sdk::ModelRef model) override {
    return std::make_unique<sdk::TaskModel>(host, model, make_task);
  }
  const char* config_schema() const override {
    return R"({"type":"object","properties":{},"additionalProperties":false})";
  }
};

SERVAL_EXPORT_PLUGIN(EchoPlugin, "org.serval.examples.echo", "1.0.0",
                     SERVAL_OPS("echo", "chat", "complete"), .vendor = "Serval",
                     .license = "Apache-2.0", .description = "Gives back what it is given");
