// serval-bei-quality: what the precisions of an embedding model cost.
//
//   serval-bei-quality MODEL PAIRS PROSE [THREADS]
//
// PAIRS: tab-separated lines with a score in column 5 and two sentences in columns 6 and 7. PROSE:
// a file that is cut into texts of 512 tokens. One line a precision:
//   QUALITY dtype spearman cosine_mean cosine_min long_mean long_min seconds
// spearman: rank correlation of the pairs' cosine with their score; cosine_*: of each sentence's
// vector with that of f32; long_*: likewise, of each text of 512 tokens.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <span>
#include <sstream>

#include "plugins/bei/loaded_model.h"
#include "plugins/bei/outputs.h"

namespace serval::bei {
namespace {

struct Pairs {
  std::vector<float> scores;
  std::vector<std::string> sentences;  // two a pair
};

Pairs read_pairs(const char* path) {
  Pairs pairs;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> columns;
    std::stringstream rest(line);
    for (std::string column; std::getline(rest, column, '\t');) columns.push_back(column);
    if (columns.size() < 7) continue;
    pairs.scores.push_back(std::strtof(columns[4].c_str(), nullptr));
    pairs.sentences.insert(pairs.sentences.end(), {columns[5], columns[6]});
  }
  return pairs;
}

constexpr int kLongTokens = 512;

// Pieces of whole lines that are longer than kLongTokens, so that truncation makes all alike.
std::vector<std::string> read_pieces(const char* path) {
  constexpr std::size_t kPiece = 2800;
  std::ifstream in(path);
  std::vector<std::string> pieces(1);
  for (std::string line; std::getline(in, line);) {
    if (pieces.back().size() >= kPiece) pieces.emplace_back();
    pieces.back() += line + " ";
  }
  if (pieces.back().size() < kPiece) pieces.pop_back();
  return pieces;
}

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<float>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) out[order[i]] = double(begin + end + 1) / 2;
    begin = end;
  }
  return out;
}

double spearman(const std::vector<float>& a, const std::vector<float>& b) {
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = double(x.size() + 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

class Collector final : public Client {
 public:
  Collector(std::vector<std::vector<float>>& vectors, std::string& failure)
      : vectors_(vectors), failure_(failure) {}
  bool cancelled() const override { return false; }
  void emit(EventKind, int index, std::string_view data, std::string_view) override {
    std::vector<float>& vector = vectors_[std::size_t(index)];
    vector.resize(data.size() / sizeof(float));
    std::memcpy(vector.data(), data.data(), data.size());
  }
  bool blocked() const override { return false; }
  void flush() override {}
  void done(std::string_view) override {}
  void fail(const Error& error) override { failure_ = error.message; }
  void finish_cancelled(std::string_view) override { failure_ = "cancelled"; }

 private:
  std::vector<std::vector<float>>& vectors_;
  std::string& failure_;
};

uint64_t now_ns() {
  return uint64_t(std::chrono::steady_clock::now().time_since_epoch() /
                  std::chrono::nanoseconds(1));
}

// The vectors of all sentences; none after an error, which is printed.
std::vector<std::vector<float>> embed(const char* path, Precision precision, int threads,
                                      const std::vector<std::string>& sentences) {
  BeiConfig config;
  config.auto_precision = false;
  config.precision = precision;
  config.threads = threads;
  config.max_items = 65536;
  config.max_input_tokens = kLongTokens;
  auto loaded = LoadedModel::load(path, config, {}, {}, now_ns);
  std::string failure = loaded ? "" : loaded.error().message;
  std::vector<std::vector<float>> vectors(sentences.size());
  if (loaded) {
    Engine& engine = (*loaded)->engine();
    engine.submit(1, std::make_unique<Collector>(vectors, failure), "embed",
                  {sentences.begin(), sentences.end()}, R"({"truncate":true})");
    while (engine.running() > 0) engine.step();
  }
  if (failure.empty()) return vectors;
  std::fprintf(stderr, "serval-bei-quality: %s\n", failure.c_str());
  return {};
}

struct Nearness {
  double mean = 0, least = 1;
};

Nearness nearness(std::span<const std::vector<float>> vectors,
                  std::span<const std::vector<float>> exact) {
  Nearness out;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const double near = double(cosine(vectors[i], exact[i]));
    out.mean += near / double(vectors.size());
    out.least = std::min(out.least, near);
  }
  return out;
}

int judge(const char* path, const char* pairs_path, const char* prose_path, int threads) {
  const Pairs pairs = read_pairs(pairs_path);
  const std::vector<std::string> pieces = read_pieces(prose_path);
  if (pairs.scores.empty() || pieces.empty()) {
    std::fprintf(stderr, "serval-bei-quality: no pairs in %s or no prose in %s\n", pairs_path,
                 prose_path);
    return 1;
  }
  std::vector<std::string> texts = pairs.sentences;
  texts.insert(texts.end(), pieces.begin(), pieces.end());
  const std::size_t sentences = pairs.sentences.size();
  std::vector<std::vector<float>> exact;
  for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8}) {
    const uint64_t begin = now_ns();
    const auto vectors = embed(path, precision, threads, texts);
    if (vectors.empty()) return 1;
    if (precision == Precision::f32) exact = vectors;
    std::vector<float> similarities;
    for (std::size_t i = 0; i < sentences; i += 2)
      similarities.push_back(cosine(vectors[i], vectors[i + 1]));
    const std::span<const std::vector<float>> all(vectors), same(exact);
    const Nearness brief = nearness(all.first(sentences), same.first(sentences));
    const Nearness full = nearness(all.subspan(sentences), same.subspan(sentences));
    std::printf("QUALITY %s %.4f %.6f %.6f %.6f %.6f %.1f\n", precision_name(precision),
                spearman(similarities, pairs.scores), brief.mean, brief.least, full.mean,
                full.least, double(now_ns() - begin) / 1e9);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace serval::bei

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: serval-bei-quality MODEL PAIRS PROSE [THREADS]\n");
    return 2;
  }
  return serval::bei::judge(argv[1], argv[2], argv[3], argc > 4 ? std::atoi(argv[4]) : 2);
}
