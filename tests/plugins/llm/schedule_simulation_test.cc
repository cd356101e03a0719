// Scheduler and cost model together against a machine whose clock is virtual: what streams and
// prompts see of each other.
#include <cmath>
#include <deque>
#include <gtest/gtest.h>
#include <random>

#include "plugins/llm/scheduler.h"
#include "tests/plugins/llm/tiny_memory.h"
#include "tests/plugins/llm/virtual_machine.h"

namespace serval::llm {
namespace {

struct Job {
  Sequence sequence;
  int output = 0;  // tokens it wants
  double arrived_ns = 0;
  double last_ns = 0;        // of its last token; 0: none yet
  double first_ns = 0;       // of its first
  std::vector<double> gaps;  // between its tokens
  bool done = false;
};

class Simulation {
 public:
  explicit Simulation(SchedulerLimits limits, int blocks = 4000)
      : memory_(tiny_memory(blocks)), cache_(blocks, memory_), scheduler_(limits, cache_, &cost) {}

  Job& submit(int prompt, int output, int priority = 0, double time_ns = 0) {
    Job& job = jobs.emplace_back();
    job.sequence.tokens.assign(std::size_t(prompt), int32_t(jobs.size()));  // nothing in common
    job.sequence.prompt_size = prompt;
    job.output = output;
    job.arrived_ns = now_ns;
    job.sequence.rank.priority = priority;
    job.sequence.rank.arrived_ns = uint64_t(now_ns);
    if (time_ns > 0) {
      job.sequence.deadline_ns = uint64_t(now_ns + time_ns);
      const double needed = StepBudget(&cost, 1, {}).time_ns(0, prompt, 512);
      job.sequence.rank.latest_start_ns = uint64_t(now_ns + time_ns - needed);
    }
    scheduler_.add(job.sequence);
    return job;
  }

  void step() {
    const auto plan = scheduler_.plan_step(uint64_t(now_ns));
    if (plan.empty()) return;
    StepShape shape;
    for (const PlanEntry& entry : plan) shape.add(entry.sequence->computed, entry.count);
    const double noise = 0.95 + double(random_() % 1000) / 10000;
    const double took = machine.step_ns(shape) * noise;
    cost.observe(shape, took);
    now_ns += took;
    scheduler_.commit(plan);
    for (Job& job : jobs) {
      if (job.done || !job.sequence.running || job.sequence.todo() > 0) continue;
      if (job.last_ns > 0) job.gaps.push_back(now_ns - job.last_ns);
      if (job.first_ns == 0) job.first_ns = now_ns;
      job.last_ns = now_ns;
      job.sequence.tokens.push_back(1);
      if (job.sequence.output_size() < job.output) continue;
      job.done = true;
      scheduler_.remove(job.sequence);
    }
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) step();
  }
  void run_until_first_token(const Job& job) {
    for (int i = 0; i < 1'000'000 && job.first_ns == 0; ++i) step();
    ASSERT_GT(job.first_ns, 0);
  }

  VirtualMachine machine;
  CostModel cost{1e8};
  std::deque<Job> jobs;  // keeps its elements in place
  double now_ns = 1e9;

 private:
  std::mt19937 random_{7};
  KvMemory memory_;
  KvCache cache_;
  Scheduler scheduler_;
};

double p99(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[std::size_t(double(values.size() - 1) * 0.99)];
}

constexpr int kForever = 1'000'000;

struct Load {
  int streams, context;
};

class LongPrompt : public testing::TestWithParam<Load> {};

TEST_P(LongPrompt, KeepsTheStreamsPaceAndFinishes) {
  Simulation sim({.sequences = 64, .tokens_per_step = 512});
  // Alone: what the prompt takes when nothing else runs. It is what the model learns first.
  Job& alone = sim.submit(4000, 1);
  sim.run_until_first_token(alone);
  const double alone_ns = alone.first_ns - alone.arrived_ns;

  std::vector<Job*> streams;
  for (int i = 0; i < GetParam().streams; ++i)
    streams.push_back(&sim.submit(GetParam().context, kForever));
  for (Job* job : streams) sim.run_until_first_token(*job);
  const auto gaps = [&] {
    std::vector<double> all;
    for (Job* job : streams) {
      all.insert(all.end(), job->gaps.begin(), job->gaps.end());
      job->gaps.clear();
    }
    return all;
  };
  gaps();
  sim.steps(400);
  std::vector<double> solo = gaps();

  Job& prompt = sim.submit(4000, 1);
  sim.run_until_first_token(prompt);
  const std::vector<double> beside = gaps();
  sim.steps(400);  // as many again: the streams' contexts have grown meanwhile
  const std::vector<double> after = gaps();
  solo.insert(solo.end(), after.begin(), after.end());
  EXPECT_LT(p99(beside), 2 * p99(solo));
  EXPECT_LT(prompt.first_ns - prompt.arrived_ns, 4 * alone_ns);
}

INSTANTIATE_TEST_SUITE_P(Loads, LongPrompt,
                         testing::Values(Load{1, 20}, Load{1, 3000}, Load{4, 100}, Load{16, 20},
                                         Load{16, 2000}),
                         [](const auto& test) {
                           return std::to_string(test.param.streams) + "StreamsAt" +
                                  std::to_string(test.param.context);
                         });

TEST(Simulation, WithoutStreamsAPromptHasWholeSteps) {
  Simulation sim({.sequences = 4, .tokens_per_step = 512});
  Job& prompt = sim.submit(4000, 1);
  int steps = 0;
  while (prompt.first_ns == 0) {
    sim.step();
    ++steps;
  }
  EXPECT_EQ(steps, 8);
}

TEST(Simulation, TheStrictestFactorStillLetsAPromptOn) {
  Simulation sim({.sequences = 4, .tokens_per_step = 512, .itl_factor = 1});
  Job& stream = sim.submit(20, kForever);
  sim.run_until_first_token(stream);
  sim.steps(50);
  Job& prompt = sim.submit(400, 1);
  sim.steps(400 / StepBudget::kLeastChunk);
  EXPECT_TRUE(prompt.done);
}

TEST(Simulation, ALargerFactorFavoursPrompts) {
  double previous = 1e18;
  for (const double factor : {1.2, 1.8, 4.0, 100.0}) {
    Simulation sim({.sequences = 4, .tokens_per_step = 512, .itl_factor = factor});
    Job& stream = sim.submit(20, kForever);
    sim.run_until_first_token(stream);
    sim.steps(100);
    Job& prompt = sim.submit(2000, 1);
    sim.run_until_first_token(prompt);
    const double took = prompt.first_ns - prompt.arrived_ns;
    EXPECT_LT(took, previous) << factor;
    previous = took;
  }
}

// Sixteen clients at once: the first ones' streams must not hold up the others' prompts.
TEST(Simulation, ACrowdIsServedAboutAsFastAsWithoutRegardForPace) {
  const auto run = [](double factor, double& slowest_first) {
    Simulation sim({.sequences = 64, .tokens_per_step = 512, .itl_factor = factor});
    Job& warm = sim.submit(1000, 50);
    while (!warm.done) sim.step();
    const double begin = sim.now_ns;
    std::vector<Job*> crowd;
    for (int i = 0; i < 16; ++i) crowd.push_back(&sim.submit(110, 128));
    for (Job* job : crowd)
      while (!job->done) sim.step();
    slowest_first = 0;
    for (Job* job : crowd) slowest_first = std::max(slowest_first, job->first_ns - begin);
    return sim.now_ns - begin;
  };
  double first = 0, first_free = 0;
  const double all = run(1.8, first), all_free = run(100, first_free);
  EXPECT_LT(all, 1.1 * all_free);
  EXPECT_LT(first, 2 * first_free);
}

TEST(Simulation, AnImportantPromptGoesBeforeOneThatRuns) {
  Simulation sim({.sequences = 4, .tokens_per_step = 256});
  Job& bulk = sim.submit(4000, 1, 2);
  sim.steps(2);
  Job& important = sim.submit(500, 1, -1);
  sim.steps(2);
  EXPECT_TRUE(important.done);
  EXPECT_FALSE(bulk.done);
}

TEST(Simulation, NobodyStarvesUnderMoreImportantWork) {
  Simulation sim({.sequences = 4, .tokens_per_step = 256});
  Job& low = sim.submit(3000, 1, 3);
  // Important prompts come as fast as they are served.
  std::vector<Job*> important;
  for (int i = 0; i < 4; ++i) important.push_back(&sim.submit(1000, 1));
  while (low.first_ns == 0 && sim.now_ns < 1e12) {
    for (Job*& job : important)
      if (job->done) job = &sim.submit(1000, 1);
    sim.step();
  }
  EXPECT_GT(low.first_ns, 8e9);                               // it did wait,
  EXPECT_LT(low.first_ns, 1e9 + 3 * double(kEpochNs) + 4e9);  // three priorities' worth and a bit
}

TEST(Simulation, ADeadlineMakesAPromptUrgent) {
  for (const bool has_deadline : {false, true}) {
    Simulation sim({.sequences = 8, .tokens_per_step = 512});
    Job& warm = sim.submit(4000, 1);
    sim.run_until_first_token(warm);
    for (int i = 0; i < 3; ++i) sim.submit(100, kForever);
    Job& stream = sim.submit(100, kForever);
    sim.run_until_first_token(stream);
    sim.steps(200);
    const double solo = p99(stream.gaps);
    stream.gaps.clear();
    // Too little for the pace that spares the stream, enough for one that favours the prompt.
    const double enough = 1.35 * (warm.first_ns - warm.arrived_ns);
    Job& prompt = sim.submit(4000, 1, 0, has_deadline ? enough : 0);
    sim.run_until_first_token(prompt);
    EXPECT_EQ(prompt.first_ns <= prompt.arrived_ns + enough, has_deadline);
    EXPECT_LT(*std::max_element(stream.gaps.begin(), stream.gaps.end()), 10 * solo);
  }
}

TEST(Simulation, AnUrgentPromptTakesNothingFromMoreImportantStreams) {
  Simulation sim({.sequences = 8, .tokens_per_step = 512});
  Job& stream = sim.submit(20, kForever, -1);
  sim.run_until_first_token(stream);
  sim.steps(200);
  const double solo = p99(stream.gaps);
  stream.gaps.clear();
  Job& prompt = sim.submit(1000, 1, 0, 1e6);
  sim.run_until_first_token(prompt);
  EXPECT_LT(p99(stream.gaps), 2 * solo);
}

}  // namespace
}  // namespace serval::llm
