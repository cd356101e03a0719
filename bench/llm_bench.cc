// serval-llm-bench: the llm engine's speed without a server in front.
//   prefill_tok_s  tokens of a prompt of --prompt tokens, computed in one request
//   decode_tok_s   tokens of --gen tokens drawn greedily by --streams streams at a time, after
//   prompts of
//                  --context tokens
// Each is the median of --runs runs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "plugins/llm/loaded_model.h"

namespace serval::llm {
namespace {

struct Options {
  std::string model;
  int prompt = 512, gen = 128, streams = 1, context = 1, threads = 0, runs = 5;
};

// Counts what comes; the text itself is not looked at.
class CountingClient final : public Client {
 public:
  explicit CountingClient(int& ended) : ended_(ended) {}
  bool cancelled() const override { return false; }
  void text(int, std::string_view, std::string_view, bool) override {}
  bool blocked() const override { return false; }
  void flush() override {}
  void done(std::string_view) override { ++ended_; }
  void fail(const Error& error) override {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    std::exit(1);
  }
  void finish_cancelled(std::string_view) override {}

 private:
  int& ended_;
};

std::string token_list(int count, int salt) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += (i ? "," : "") + std::to_string(1000 + (i * 7919 + salt * 104729) % 20000);
  return list;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void submit(Engine& engine, int& ended, int prompt, int gen, int salt) {
  static uint64_t id = 0;
  engine.submit(++id, std::make_unique<CountingClient>(ended), "complete", "",
                R"({"temperature":0,"ignore_eos":true,"max_tokens":)" + std::to_string(gen) +
                    R"(,"prompt_tokens":[)" + token_list(prompt, salt) + "]}",
                // A space of its own: nothing comes from the prefix cache.
                {.space = std::to_string(id)});
}

double prefill(Engine& engine, const Options& o, int run) {
  int ended = 0;
  const auto start = std::chrono::steady_clock::now();
  submit(engine, ended, o.prompt, 1, run);
  while (ended < 1) engine.step();
  return o.prompt / seconds_since(start);
}

double decode(Engine& engine, const Options& o, int run) {
  int ended = 0;
  for (int i = 0; i < o.streams; ++i) submit(engine, ended, o.context, o.gen + 1, run * 100 + i);
  const uint64_t prompt_tokens = engine.counts().prefill_tokens + uint64_t(o.streams * o.context);
  while (engine.counts().prefill_tokens < prompt_tokens) engine.step();
  const auto start = std::chrono::steady_clock::now();
  const uint64_t before = engine.counts().decode_tokens;
  while (ended < o.streams) engine.step();
  return double(engine.counts().decode_tokens - before) / seconds_since(start);
}

template <class Measure>
double median(int runs, Measure measure) {
  std::vector<double> values;
  for (int run = 0; run < runs; ++run) values.push_back(measure(run));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(const Options& o) {
  LlmConfig config;
  config.threads = o.threads;
  Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(o.model, config, {});
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return 1;
  }
  Engine& engine = (*loaded)->engine();
  if (o.prompt > 0) prefill(engine, o, 99);
  if (o.prompt > 0)
    std::printf("prefill_tok_s %.1f\n",
                median(o.runs, [&](int r) { return prefill(engine, o, r); }));
  if (o.gen > 0)
    std::printf("decode_tok_s %.1f\n", median(o.runs, [&](int r) { return decode(engine, o, r); }));
  return 0;
}

}  // namespace
}  // namespace serval::llm

int main(int argc, char** argv) {
  serval::llm::Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    if (key == "--model") {
      o.model = argv[i + 1];
      continue;
    }
    int* target = key == "--prompt"    ? &o.prompt
                  : key == "--gen"     ? &o.gen
                  : key == "--streams" ? &o.streams
                  : key == "--context" ? &o.context
                  : key == "--threads" ? &o.threads
                  : key == "--runs"    ? &o.runs
                                       : nullptr;
    if (target == nullptr) {
      std::fprintf(stderr, "unknown option %s\n", key.c_str());
      return 2;
    }
    *target = std::atoi(argv[i + 1]);
  }
  if (o.model.empty() || argc % 2 == 0 || o.runs < 1) {
    std::fprintf(stderr,
                 "usage: serval-llm-bench --model FILE [--prompt N] [--gen N] [--streams N] "
                 "[--context N] [--threads N] [--runs N]\n");
    return 2;
  }
  return serval::llm::run(o);
}
