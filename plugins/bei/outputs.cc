#include "plugins/bei/outputs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "common/json.h"
#include "common/utf8.h"

namespace serval::bei {
namespace {

// The shortest text that reads as the same float. JSON has no words for what is no number.
std::string number(float value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

std::string json_text(std::string_view text) {
  const std::string valid = replace_invalid_utf8(text);
  return json::serialize(json::value(json::string_view(valid.data(), valid.size())));
}

// The part of a text between two numbers of code points. Spans come in rising order, mostly: each
// search goes on where the last one ended.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : text_(text) {}
  std::string_view part(const TextSpan& span) {
    const std::size_t begin = byte_of(span.begin), end = byte_of(span.end);
    return text_.substr(begin, end - begin);
  }

 private:
  std::size_t byte_of(uint32_t point) {
    if (point < point_) byte_ = point_ = 0;
    while (point_ < point && byte_ < text_.size()) {
      byte_ += next_utf8(text_.substr(byte_)).length;
      ++point_;
    }
    return byte_;
  }

  std::string_view text_;
  std::size_t byte_ = 0;
  uint32_t point_ = 0;
};

}  // namespace

float sigmoid(float x) { return float(1 / (1 + std::exp(-double(x)))); }

std::vector<float> sigmoids(std::span<const float> logits) {
  std::vector<float> out(logits.begin(), logits.end());
  std::transform(out.begin(), out.end(), out.begin(), sigmoid);
  return out;
}

std::vector<float> softmax(std::span<const float> logits) {
  const float peak = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(double(x) - peak);
  std::vector<float> out;
  for (const float x : logits) out.push_back(float(std::exp(double(x) - peak) / sum));
  return out;
}

void normalize(std::span<float> values) {
  double squares = 0;
  for (const float x : values) squares += double(x) * x;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& x : values) x = float(x * scale);
}

float cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double(a[i]) * b[i];
    squares_a += double(a[i]) * a[i];
    squares_b += double(b[i]) * b[i];
  }
  return squares_a == 0 || squares_b == 0 ? 0 : float(dot / std::sqrt(squares_a * squares_b));
}

std::vector<float> finish_vector(std::span<const float> pooled, const RequestParams& params) {
  std::vector<float> out(pooled.begin(), pooled.end());
  if (params.dimensions > 0) out.resize(std::min(out.size(), std::size_t(params.dimensions)));
  if (params.normalize) normalize(out);
  return out;
}

std::string tensor_meta(std::span<const int> shape, int tokens) {
  std::string out = R"({"dtype":"f32","shape":[)";
  for (std::size_t i = 0; i < shape.size(); ++i)
    out += (i > 0 ? "," : "") + std::to_string(shape[i]);
  return out + "],\"tokens\":" + std::to_string(tokens) + "}";
}

std::string sparse_json(std::span<const float> pairs) {
  std::string out = "[";
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (i > 0) out += ',';
    out += "{\"index\":" + std::to_string(int64_t(pairs[i])) +
           ",\"value\":" + number(pairs[i + 1]) + "}";
  }
  return out + "]";
}

std::string classes_json(std::span<const float> logits, const ModelFacts& facts, bool raw) {
  std::vector<float> scores(logits.begin(), logits.end());
  const bool single = facts.task == Task::sequence && !facts.multi_label;
  if (!raw && single) scores = softmax(logits);
  if (!raw && !single && facts.task != Task::reward) scores = sigmoids(logits);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::string out = "[";
  for (const std::size_t i : order) {
    if (out.size() > 1) out += ',';
    out += "{\"label\":" + json_text(facts.labels[i]) + ",\"score\":" + number(scores[i]) + "}";
  }
  return out + "]";
}

std::string token_classes_json(std::span<const float> logits, const ModelFacts& facts, bool raw,
                               std::string_view text, const TextEncoding& encoding) {
  const std::size_t labels = facts.labels.size();
  CodePoints points(text);
  std::string out = "[";
  for (std::size_t t = 0; t < encoding.ids.size(); ++t) {
    if (encoding.special[t] != 0) continue;
    const std::span<const float> row = logits.subspan(t * labels, labels);
    const std::size_t best = std::size_t(std::max_element(row.begin(), row.end()) - row.begin());
    if (facts.labels[best] == "O") continue;
    const float score = raw ? row[best] : softmax(row)[best];
    const TextSpan& span = encoding.offsets[t];
    if (out.size() > 1) out += ',';
    out += "{\"label\":" + json_text(facts.labels[best]) + ",\"score\":" + number(score) +
           ",\"start\":" + std::to_string(span.begin) + ",\"end\":" + std::to_string(span.end) +
           ",\"text\":" + json_text(points.part(span)) + "}";
  }
  return out + "]";
}

std::string tokens_json(const TextEncoding& encoding, const TextTokenizer& tokenizer) {
  std::string out = "[";
  for (std::size_t t = 0; t < encoding.ids.size(); ++t) {
    const TokenId token = encoding.ids[t];
    const TextSpan& span = encoding.offsets[t];
    const bool added = encoding.special[t] != 0;
    if (t > 0) out += ',';
    out += "{\"id\":" + std::to_string(token) +
           ",\"text\":" + json_text(tokenizer.token_text(token)) +
           ",\"special\":" + (added || tokenizer.is_special(token) ? "true" : "false") +
           ",\"start\":" + (added ? "null" : std::to_string(span.begin)) +
           ",\"stop\":" + (added ? "null" : std::to_string(span.end)) + "}";
  }
  return out + "]";
}

std::string describe_json(const ModelFacts& facts) {
  json::object out;
  out["kind"] = task_name(facts.task);
  out["family"] = facts.family;
  out["pooling"] = pooling_name(facts.pooling);
  out["normalize"] = facts.normalize;
  out["sparse"] = facts.sparse;
  out["hidden_size"] = facts.hidden;
  out["dimensions"] = facts.width;
  out["vocabulary"] = facts.vocab;
  out["max_input_tokens"] = facts.max_input_tokens;
  out["max_items"] = facts.max_items;
  out["dtype"] = facts.dtype;
  out["labels"] = json::array(facts.labels.begin(), facts.labels.end());
  json::array prompts;
  for (const auto& [name, text] : facts.prompts) prompts.emplace_back(name);
  out["prompts"] = std::move(prompts);
  out["similarity"] = facts.similarity;
  return json::serialize(out);
}

}  // namespace serval::bei
