// Models and clients for the tests of the bei plugin.
#pragma once

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/json.h"
#include "plugins/bei/loaded_model.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/reader_client.h"

namespace serval::bei {

// A small random-weight model out of tests/golden/bei (tools/golden/bei.py).
inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(SERVAL_SOURCE_DIR) / "tests/golden/bei" / name;
}

inline uint64_t steady_ns() {
  return uint64_t(std::chrono::steady_clock::now().time_since_epoch() /
                  std::chrono::nanoseconds(1));
}

inline std::unique_ptr<LoadedModel> load(const std::filesystem::path& path, BeiConfig config = {}) {
  auto loaded = LoadedModel::load(path, config, {}, {}, steady_ns);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return loaded ? std::move(*loaded) : nullptr;
}

inline BeiConfig with_precision(Precision precision) {
  BeiConfig config;
  config.auto_precision = false;
  config.precision = precision;
  config.threads = 2;
  return config;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline json::array read_json_array(const std::filesystem::path& path) {
  const auto parsed = parse_json(read_file(path));
  EXPECT_TRUE(parsed.ok() && parsed->is_array()) << path;
  return parsed.ok() && parsed->is_array() ? parsed->get_array() : json::array();
}

// Numbers of an array, or of an array of arrays, in a row.
inline std::vector<float> numbers(const json::value& value) {
  if (!value.is_array()) return {value.to_number<float>()};
  std::vector<float> out;
  for (const json::value& item : value.get_array()) {
    const std::vector<float> inner = numbers(item);
    out.insert(out.end(), inner.begin(), inner.end());
  }
  return out;
}

// What one request has got so far.
struct Outcome : ReaderOutcome {
  std::map<int, std::vector<float>> vectors;  // by index
  std::map<int, std::string> texts;           // JSON or text, by index
  std::map<int, std::string> meta;
  std::vector<int> order;  // of the indices
};

class TestClient final : public ReaderClient<Client> {
 public:
  explicit TestClient(Outcome& outcome) : ReaderClient(outcome), o_(outcome) {}
  void emit(EventKind kind, int index, std::string_view data, std::string_view meta) override {
    ASSERT_FALSE(o_.ended);
    ASSERT_FALSE(o_.meta.contains(index)) << "output " << index << " comes twice";
    o_.meta[index] = meta;
    o_.order.push_back(index);
    if (kind == EventKind::tensor) {
      std::vector<float>& vector = o_.vectors[index];
      vector.resize(data.size() / sizeof(float));
      std::memcpy(vector.data(), data.data(), data.size());
    } else {
      o_.texts[index] = data;
    }
    take();
  }

 private:
  Outcome& o_;
};

// The texts must live until the request has ended.
inline void submit(Engine& engine, uint64_t id, Outcome& outcome, const char* op,
                   const std::vector<std::string>& texts, const std::string& params = "{}",
                   const RequestInfo& info = {}) {
  engine.submit(id, std::make_unique<TestClient>(outcome), op, {texts.begin(), texts.end()}, params,
                info);
}

// Runs one request to its end.
inline Outcome ask(Engine& engine, const char* op, const std::vector<std::string>& texts,
                   const std::string& params = "{}", const RequestInfo& info = {}) {
  static uint64_t id = 1'000'000;
  Outcome outcome;
  submit(engine, ++id, outcome, op, texts, params, info);
  for (int i = 0; i < 100000 && !outcome.ended; ++i) engine.step();
  EXPECT_TRUE(outcome.ended);
  return outcome;
}

inline float greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float greatest = a.size() == b.size() ? 0 : 1e30f;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    greatest = std::max(greatest, std::abs(a[i] - b[i]));
  return greatest;
}

}  // namespace serval::bei
