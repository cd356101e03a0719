// Random schedules over a small cache against one request at a time without any.
#include <algorithm>
#include <map>
#include <random>

#include "plugins/llm/logprob_json.h"
#include "tests/plugins/llm/fake_model.h"
#include "tests/plugins/llm/temporary_folder.h"
#include "tests/plugins/llm/test_model.h"
#include "tests/plugins/llm/tiny_memory.h"

namespace serval::llm {
namespace {

constexpr int kVocab = 60;

struct Asked {
  std::vector<int32_t> prompt;
  std::string space;
  int n = 1;
  int max_tokens = 1;
  int seed = 0;
  bool echo = false;

  std::string params() const {
    std::string list;
    for (const int32_t token : prompt) list += (list.empty() ? "" : ",") + std::to_string(token);
    return R"({"ignore_eos":true,"logprobs":true,"temperature":1.5,"n":)" + std::to_string(n) +
           ",\"max_tokens\":" + std::to_string(max_tokens) + ",\"seed\":" + std::to_string(seed) +
           ",\"echo\":" + (echo ? "true" : "false") + ",\"prompt_tokens\":[" + list + "]}";
  }
};

// What a choice must say about its tokens: the prompt's when echoed, then the output's.
std::string expected_notes(const Asked& asked, int choice, const Tokenizer& tokenizer,
                           const Ops& ops, int window) {
  GenerateParams params = *parse_params(asked.params(), false, kVocab, {});
  Sampler sampler(params.sampling, asked.prompt, 0, choice);
  std::vector<int32_t> tokens = asked.prompt;
  std::vector<uint64_t> numbers, local;
  std::vector<float> logits(kVocab), scratch;
  std::string notes;
  if (asked.echo) notes += token_entry(tokenizer, tokens[0], {});
  while (true) {
    const int p = int(numbers.size());
    numbers.push_back(
        fake_number(tokens[std::size_t(p)], p, [&](int q) { return numbers[std::size_t(q)]; }));
    uint64_t number = numbers.back();
    if (window > 0) {
      local.push_back(fake_number(
          tokens[std::size_t(p)], p, [&](int q) { return local[std::size_t(q)]; },
          fake_window_begin(p, window)));
      number ^= mix(local.back());
    }
    fake_logits(number, logits.data(), kVocab);
    const bool output = p + 1 == int(tokens.size());
    if (output) {
      if (tokens.size() - asked.prompt.size() == std::size_t(asked.max_tokens)) return notes;
      const int32_t drawn = sampler.sample(ops, logits, p + 1, scratch);
      sampler.accept(drawn);
      tokens.push_back(drawn);
    }
    if (output || asked.echo)
      notes += token_entry(tokenizer, tokens[std::size_t(p + 1)],
                           token_logprobs(ops, logits, tokens[std::size_t(p + 1)], 0));
  }
}

// A reader that is now and then slow, or gone.
struct Reader {
  std::vector<std::string> notes;  // by choice
  int credit = 1 << 30, kept = 0;
  int cached = -1;
  bool cancelled = false, ended = false;
  bool late = false;  // its deadline has cut it
};

class ReaderClient final : public Client {
 public:
  explicit ReaderClient(Reader& reader) : r_(reader) {}
  bool cancelled() const override { return r_.cancelled; }
  void text(int index, std::string_view, std::string_view meta, bool) override {
    if (meta.find("\"deadline\"") != meta.npos) r_.late = true;
    const std::string_view key = "\"tokens\":[";
    if (const auto begin = meta.find(key); begin != meta.npos) {
      // The entries of one event: up to the bracket that closes the list.
      const auto from = begin + key.size();
      int depth = 1;
      auto to = from;
      for (; depth > 0; ++to) depth += meta[to] == '[' ? 1 : meta[to] == ']' ? -1 : 0;
      for (const char c : meta.substr(from, to - 1 - from)) r_.notes[std::size_t(index)] += c;
      r_.notes[std::size_t(index)] += ',';
    }
    --r_.credit < 0 ? void(++r_.kept) : void();
  }
  bool blocked() const override { return r_.kept > 0; }
  void flush() override {
    const int passed = std::clamp(r_.credit, 0, r_.kept);
    r_.kept -= passed;
    r_.credit -= passed;
  }
  void done(std::string_view usage) override {
    r_.ended = true;
    const std::string_view key = "\"cached_tokens\":";
    r_.cached = std::atoi(std::string(usage.substr(usage.find(key) + key.size())).c_str());
  }
  void fail(const Error& error) override {
    EXPECT_EQ(error.code, Code::deadline_exceeded) << error.message;
    r_.ended = r_.late = true;
  }
  void finish_cancelled(std::string_view) override { r_.ended = true; }

 private:
  Reader& r_;
};

// The entries without what stands between them.
std::string plain(std::string notes) {
  std::erase(notes, ',');
  return notes;
}

struct Totals {
  int finished = 0, cancelled = 0, stalled = 0, late = 0;
  uint64_t preemptions = 0, hits = 0, evictions = 0, disk_hits = 0;
};

class Schedule {
 public:
  Schedule(uint32_t seed, const Tokenizer& tokenizer, Totals& totals, bool windowed)
      : random_(seed), tokenizer_(tokenizer), ops_(**best_ops()), totals_(totals) {
    const int blocks = 8 + int(random_() % 40);
    limits_ = {1 + int(random_() % 8), 1 + int(random_() % 80)};
    context_ = std::min(200, blocks * kBlockTokens);
    window_ = windowed ? 1 + int(random_() % 90) : 0;
    // What one sequence needs alone, and a little more.
    const int slots =
        blocks_for(window_) + blocks_for(limits_.tokens_per_step) + 2 + int(random_() % 8);
    model_ = std::make_unique<FakeModel>(kVocab, limits_.tokens_per_step, window_);
    KvMemory memory = tiny_memory(blocks, window_, slots);
    if (seed % 2 == 0) {
      auto tier = DiskTier::open({.folder = folder_.path() / "kv",
                                  .budget = 20 * memory.image_bytes() + random_() % 1'000'000,
                                  .fingerprint = {},
                                  .block_bytes = memory.image_bytes(),
                                  .failed = {}});
      EXPECT_TRUE(tier.ok()) << tier.error().message;
      disk_ = std::move(*tier);
    }
    engine_ = std::make_unique<Engine>(EngineParts{
        &tokenizer, nullptr, model_.get(), &ops_, std::move(memory), disk_.get(), blocks, context_,
        limits_, SamplingParams{}, [this] { return now_ns_ += 1'000'000; }});
    for (int i = 0; i < 5; ++i) documents_.push_back(some_tokens(150));
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      if (live_.size() < 14 && random_() % 6 == 0) submit();
      engine_->step();
      check_all();
    }
    for (int step = 0; !live_.empty() && step < 20000 && !testing::Test::HasFailure(); ++step) {
      engine_->step();
      for (auto& [id, live] : live_) let_read(id, live);
      check_all();
    }
    EXPECT_TRUE(live_.empty()) << "requests hang";
    EXPECT_EQ(engine_->counts().blocks_used, 0);
    totals_.preemptions += engine_->counts().preemptions;
    totals_.hits += engine_->counts().cache.prefix_hits;
    totals_.evictions += engine_->counts().cache.evictions;
    totals_.disk_hits += engine_->counts().disk.hits;
  }

 private:
  struct Live {
    Asked asked;
    std::unique_ptr<Reader> reader;
  };

  std::vector<int32_t> some_tokens(int count) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(int(random_() % kVocab));
    return tokens;
  }

  void submit() {
    Asked asked;
    asked.n = random_() % 5 == 0 ? 2 + int(random_() % 2) : 1;
    asked.max_tokens = int(random_() % 30);
    asked.seed = int(random_() % 3);
    asked.echo = random_() % 8 == 0;
    if (random_() % 5 == 0) asked.space = "other";
    asked.prompt = documents_[random_() % documents_.size()];
    asked.prompt.resize(random_() % asked.prompt.size());
    const auto own = some_tokens(1 + int(random_() % 2) * int(random_() % 20));
    asked.prompt.insert(asked.prompt.end(), own.begin(), own.end());
    if (random_() % 10 == 0) documents_[random_() % documents_.size()] = some_tokens(150);
    Live live{asked, std::make_unique<Reader>()};
    live.reader->notes.resize(std::size_t(asked.n));
    if (random_() % 4 == 0) live.reader->credit = int(random_() % 6);
    auto client = std::make_unique<ReaderClient>(*live.reader);
    live_[++next_id_] = std::move(live);
    engine_->submit(next_id_, std::move(client), "complete", "", asked.params(),
                    {.priority = int(random_() % 4) - 1,
                     .deadline_ns = random_() % 5 == 0 ? now_ns_ + random_() % 200'000'000 + 1 : 0,
                     .space = asked.space});
  }

  void let_read(uint64_t id, Live& live) {
    if (live.reader->kept == 0) return;
    ++totals_.stalled;
    live.reader->credit = 1 + int(random_() % 8);
    engine_->writable(id);
  }

  void check_all() {
    for (auto it = live_.begin(); it != live_.end();) {
      Reader& reader = *it->second.reader;
      if (reader.ended) {
        reader.cancelled ? void(++totals_.cancelled) : compare(it->second);
        it = live_.erase(it);
        continue;
      }
      if (random_() % 150 == 0) reader.cancelled = true;
      if (random_() % 8 == 0) let_read(it->first, it->second);
      ++it;
    }
  }

  void compare(const Live& live) {
    live.reader->late ? ++totals_.late : ++totals_.finished;
    for (int i = 0; i < live.asked.n; ++i) {
      const std::string got = plain(live.reader->notes[std::size_t(i)]);
      std::string want = plain(expected_notes(live.asked, i, tokenizer_, ops_, window_));
      if (live.reader->late) want.resize(std::min(want.size(), got.size()));  // cut
      ASSERT_EQ(got, want) << live.asked.params();
    }
    ASSERT_LT(live.reader->cached, int(live.asked.prompt.size()));
    if (live.asked.echo) {
      ASSERT_LE(live.reader->cached, 0);
    }
  }

  std::mt19937 random_;
  const Tokenizer& tokenizer_;
  const Ops& ops_;
  Totals& totals_;
  SchedulerLimits limits_;
  int context_ = 0;
  int window_ = 0;
  uint64_t now_ns_ = 1'000'000'000;  // a millisecond later whenever it is looked at
  TemporaryFolder folder_;
  std::unique_ptr<DiskTier> disk_;  // of every other schedule
  std::unique_ptr<FakeModel> model_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::vector<int32_t>> documents_;
  std::map<uint64_t, Live> live_;
  uint64_t next_id_ = 0;
};

class RandomSchedules : public testing::TestWithParam<bool> {};

TEST_P(RandomSchedules, OutputsAreThoseOfOneRequestAtATime) {
  auto loaded = load_golden("llama");
  Totals totals;
  for (uint32_t seed = 1; seed <= 50 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Schedule(seed, loaded->tokenizer(), totals, GetParam()).run(2000);
  }
  // Whatever may happen has happened often.
  EXPECT_GT(totals.finished, 5000);
  EXPECT_GT(totals.cancelled, 500);
  EXPECT_GT(totals.stalled, 500);
  EXPECT_GT(totals.late, 500);
  EXPECT_GT(totals.preemptions, 500u);
  EXPECT_GT(totals.hits, 1000u);
  EXPECT_GT(totals.evictions, 5000u);
  EXPECT_GT(totals.disk_hits, GetParam() ? 100u : 1000u);  // a block without its slot stays behind
}

INSTANTIATE_TEST_SUITE_P(Memory, RandomSchedules, testing::Bool(), [](const auto& info) {
  return info.param ? "WithWindows" : "WithoutWindows";
});

}  // namespace
}  // namespace serval::llm
