// serval-llm-bench: the llm engine's speed without a server in front.
//   prefill_tok_s  tokens of a prompt of --prompt tokens, computed in one request
//   decode_tok_s   tokens of --streams streams in total, drawn greedily, after prompts of --context
//                  tokens: --gen for each, counted only while every one of them is in decode
// Each is the median of --runs runs. --kv is the configuration's kv_type.
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
  std::string model, kv = "f16";
  int prompt = 512, gen = 128, streams = 1, context = 1, threads = 0, runs = 5;
};

// Counts what comes; the text itself is not looked at.
class CountingClient final : public Client {
 public:
  CountingClient(int& ended, const bool& stop) : ended_(ended), stop_(stop) {}
  bool cancelled() const override { return stop_; }
  void text(int, std::string_view, std::string_view, bool) override {}
  bool blocked() const override { return false; }
  void flush() override {}
  void done(std::string_view) override { ++ended_; }
  void fail(const Error& error) override {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    std::exit(1);
  }
  void finish_cancelled(std::string_view) override { ++ended_; }

 private:
  int& ended_;
  const bool& stop_;
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

void submit(Engine& engine, int& ended, const bool& stop, int prompt, int gen, int salt) {
  static uint64_t id = 0;
  engine.submit(++id, std::make_unique<CountingClient>(ended, stop), "complete", "",
                R"({"temperature":0,"ignore_eos":true,"max_tokens":)" + std::to_string(gen) +
                    R"(,"prompt_tokens":[)" + token_list(prompt, salt) + "]}",
                // A space of its own: nothing comes from the prefix cache.
                {.space = std::to_string(id)});
}

double prefill(Engine& engine, const Options& o, int run) {
  int ended = 0;
  const bool stop = false;
  const auto start = std::chrono::steady_clock::now();
  submit(engine, ended, stop, o.prompt, 1, run);
  while (ended < 1) engine.step();
  return o.prompt / seconds_since(start);
}

double decode(Engine& engine, const Options& o, int run) {
  int ended = 0;
  bool stop = false;
  // The first streams decode while the prompts of the others are computed: they get more tokens
  // to draw, as many as such steps have at one prompt token each.
  const int lead = (o.streams - 1) * o.context;
  for (int i = 0; i < o.streams; ++i)
    submit(engine, ended, stop, o.context, o.gen + lead + 1, run * 100 + i);
  const uint64_t prompt_tokens = engine.counts().prefill_tokens + uint64_t(o.streams) * o.context;
  while (engine.counts().prefill_tokens < prompt_tokens) engine.step();
  const auto start = std::chrono::steady_clock::now();
  const uint64_t before = engine.counts().decode_tokens;
  const uint64_t goal = before + uint64_t(o.streams) * o.gen;
  while (engine.counts().decode_tokens < goal && ended == 0) engine.step();
  const double speed = double(engine.counts().decode_tokens - before) / seconds_since(start);
  if (engine.counts().decode_tokens < goal) {
    std::fprintf(stderr, "a stream ended before %d tokens of each were counted\n", o.gen);
    std::exit(1);
  }
  stop = true;
  while (ended < o.streams) engine.step();
  return speed;
}

template <class Measure>
double median(int runs, Measure measure) {
  std::vector<double> values;
  for (int run = 0; run < runs; ++run) values.push_back(measure(run));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A cache that the longest of the runs nearly fills: all later ones use memory that was used before,
// as in a server that has been running for a while. (New pages cost their first touch, which is the
// system's time, and the peer's runs do not have it either.)
Status fit_cache(const Options& o, LlmConfig& config) {
  const Result<ModelPlan> plan = LoadedModel::plan(o.model, config);
  if (!plan) return plan.error();
  const auto blocks = [](int tokens) { return std::size_t(tokens / kBlockTokens + 2); };
  const int stream = o.context + o.gen + (o.streams - 1) * o.context + 1;
  const std::size_t most = std::max(blocks(o.prompt), std::size_t(o.streams) * blocks(stream));
  const std::size_t bytes = KvMemory::block_bytes(plan->shape, plan->kv_type) +
                            KvMemory::slot_bytes(plan->shape, plan->kv_type);
  config.kv_cache_mib = int((most * bytes >> 20) + 1);
  return {};
}

int run(const Options& o) {
  Result<LlmConfig> config =
      parse_config("{\"threads\":" + std::to_string(o.threads) + ",\"kv_type\":\"" + o.kv + "\"}");
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  if (const Status fits = fit_cache(o, *config); !fits) {
    std::fprintf(stderr, "%s\n", fits.error().message.c_str());
    return 1;
  }
  Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(o.model, *config, {});
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return 1;
  }
  Engine& engine = (*loaded)->engine();
  if (o.prompt > 0) prefill(engine, o, 99);
  if (o.prompt > 0)
    std::printf("prefill_tok_s %.1f\n",
                median(o.runs, [&](int r) { return prefill(engine, o, r); }));
  if (o.gen > 0) decode(engine, o, 98);
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
    if (key == "--model" || key == "--kv") {
      (key == "--kv" ? o.kv : o.model) = argv[i + 1];
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
                 "[--context N] [--threads N] [--runs N] [--kv TYPE]\n");
    return 2;
  }
  return serval::llm::run(o);
}
