// serval-whisper-bench: what the whisper plugin's model costs without audio or text around it, each
// the least of many runs, in milliseconds:
//   encode   one window of so many states, and the memory that the decoder reads
//   decode   one step of so many hypotheses behind 20 tokens, each pair of them of one window
//     serval-whisper-bench FOLDER [f32|bf16|int8] [f32|f16|bf16|int8 (memory)] [THREADS] [RUNS]
//                          [all|encode|decode]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "plugins/whisper/model/model.h"

namespace serval::whisper {
namespace {

template <class Body>
double least_ms(int runs, Body&& body) {
  double least = 1e9;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    least = std::min(
        least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 1000 * least;
}

void check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

void encode(SpeechModel& model, int runs) {
  const int mels = model.shape().mels;
  std::vector<float> mel(std::size_t(model.shape().frames() * mels));
  for (std::size_t i = 0; i < mel.size(); ++i) mel[i] = float(i * 7919 % 2001) / 1000 - 1;
  for (const int states : {160, 608, 1500}) {
    SpeechModel::Cross cross;
    const SpeechModel::EncodeItem item{mel.data(), 2 * states, true, &cross};
    std::printf("encode %4d states  %8.2f ms\n", states, least_ms(runs, [&] {
                  check(model.encode({&item, 1}));
                }));
  }
}

void decode(SpeechModel& model, int runs) {
  const std::vector<float> mel(std::size_t(1216 * model.shape().mels), 0.1f);
  for (const int rows : {1, 2, 5, 8, 16, 32, 64}) {
    std::vector<SpeechModel::Cross> cross(std::size_t(rows + 1) / 2);
    for (auto& window : cross) {
      const SpeechModel::EncodeItem item{mel.data(), 1216, true, &window};
      check(model.encode({&item, 1}));
    }
    const std::vector<int32_t> prompt(20, 100), next{200};
    std::vector<SpeechModel::Self> self(static_cast<std::size_t>(rows));
    std::vector<float> logits(std::size_t(rows) * std::size_t(model.shape().vocab));
    std::vector<DecodeItem> items;
    for (int i = 0; i < rows; ++i) {
      items.push_back({prompt, &self[std::size_t(i)], &cross[std::size_t(i) / 2]});
      check(model.decode({&items.back(), 1}));
      items.back().tokens = next;
      items.back().logits = logits.data() + std::size_t(i) * std::size_t(model.shape().vocab);
    }
    double least = 1e9;
    for (int round = 0; round < runs; ++round) {
      std::vector<SpeechModel::Self> copies(static_cast<std::size_t>(rows));
      for (int i = 0; i < rows; ++i) {
        check(copies[std::size_t(i)].copy_from(self[std::size_t(i)]));
        items[std::size_t(i)].self = &copies[std::size_t(i)];
      }
      for (int step = 0; step < 8; ++step)
        least = std::min(least, least_ms(1, [&] { check(model.decode(items)); }));
    }
    std::printf("decode %4d rows    %8.3f ms\n", rows, least);
  }
}

int run(int argc, char** argv) {
  const auto arg = [&](int i, const char* absent) {
    return std::string(i < argc ? argv[i] : absent);
  };
  SpeechOptions options{.max_rows = 64, .windows = 33, .hypotheses = 130};
  const std::string dtype = arg(2, "int8"), kv = arg(3, "bf16");
  options.dtype = dtype == "f32"    ? DenseType::f32
                  : dtype == "bf16" ? DenseType::bf16
                                    : DenseType::int8;
  options.kv = kv == "f32"    ? KvType::f32
               : kv == "f16"  ? KvType::f16
               : kv == "bf16" ? KvType::bf16
                              : KvType::int8;
  const std::string part = arg(6, "all");
  if (part != "all" && part != "encode" && part != "decode") {
    std::fprintf(stderr, "%s: want all, encode or decode\n", part.c_str());
    return 2;
  }
  ThreadPool pool(std::max(std::atoi(arg(4, "2").c_str()), 1));
  const int runs = std::max(std::atoi(arg(5, "30").c_str()), 1);
  const auto ops = best_ops();
  auto model = SpeechModel::load(arg(1, ""), options, **ops, pool, {});
  if (!model) check(model.error());
  std::printf("%s %s, memory %s, %d threads\n", arg(1, "").c_str(), dtype.c_str(), kv.c_str(),
              pool.threads());
  if (part != "decode") encode(**model, runs);
  if (part != "encode") decode(**model, runs);
  return 0;
}

}  // namespace
}  // namespace serval::whisper

int main(int argc, char** argv) { return serval::whisper::run(argc, argv); }
