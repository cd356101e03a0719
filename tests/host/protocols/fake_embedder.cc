#include "tests/host/protocols/fake_embedder.h"

#include <cmath>

#include "common/json.h"
#include "serval/request.h"

namespace serval::host {
namespace {

using Params = json::object;

bool flag(const Params& params, const char* key) {
  const json::value* value = params.if_contains(key);
  return value != nullptr && value->as_bool();
}

std::string text_of(const json::array& ids) {
  std::string text;
  for (const json::value& id : ids) text += char(id.as_int64());
  return text;
}

Event json_event(std::size_t index, const json::value& value) {
  return {SERVAL_EVENT_JSON, uint32_t(index), true, json::serialize(value), {}, 0};
}

Event embedded(std::size_t index, const std::string& text, const Params& params) {
  const json::value* pooling = params.if_contains("pooling");
  if (pooling != nullptr && *pooling == "sparse")
    return json_event(index, json::array{{{"index", text.size()}, {"value", 1.5}}});
  if (pooling != nullptr && *pooling == "none") {
    std::vector<float> rows;
    for (const char c : text)
      for (const float x : text_vector(std::string(1, c), 2)) rows.push_back(x);
    return tensor_event(uint32_t(index), rows, {text.size(), 2});
  }
  const json::value* given = params.if_contains("dimensions");
  const std::size_t dimensions = given == nullptr ? 4 : std::size_t(given->as_int64());
  std::vector<float> vector = text_vector(text, dimensions);
  double squares = 0;
  for (const float x : vector) squares += double(x) * x;
  if (flag(params, "normalize"))
    for (float& x : vector) x = float(x / std::sqrt(squares));
  return tensor_event(uint32_t(index), vector, {dimensions});
}

Event ranked(const std::vector<std::string>& inputs) {
  std::vector<float> scores;
  for (std::size_t i = 1; i < inputs.size(); ++i)
    scores.push_back(1 /
                     float(1 + std::abs(int64_t(inputs[0].size()) - int64_t(inputs[i].size()))));
  return tensor_event(0, scores, {scores.size()});
}

Event classified(std::size_t index, const std::string& text, bool pair) {
  const bool is_long = text.size() > 8;
  if (pair) return json_event(index, json::array{{{"label", "PAIR"}, {"score", text.size()}}});
  return json_event(index, json::array{{{"label", is_long ? "LONG" : "SHORT"}, {"score", 0.75}},
                                       {{"label", is_long ? "SHORT" : "LONG"}, {"score", 0.25}}});
}

Event tokenized(std::size_t index, const std::string& text) {
  json::array tokens;
  for (std::size_t i = 0; i < text.size(); ++i)
    tokens.push_back({{"id", int(uint8_t(text[i]))},
                      {"text", text.substr(i, 1)},
                      {"special", false},
                      {"start", i},
                      {"stop", i + 1}});
  return json_event(index, tokens);
}

const Params& description() {
  static const Params params = {{"kind", "embed"},          {"family", "fake"},
                                {"pooling", "mean"},        {"hidden_size", 4},
                                {"max_input_tokens", 128},  {"max_items", 2048},
                                {"dtype", "f32"},           {"labels", json::array{}},
                                {"prompts", json::array{}}, {"similarity", "cosine"}};
  return params;
}

Code refusal_of(const std::string& text) {
  if (text == "refuse me") return Code::unimplemented;
  if (text == "too long") return Code::out_of_range;
  if (text == "busy") return Code::resource_exhausted;
  return text == "crash" ? Code::internal : Code::ok;
}

}  // namespace

std::vector<std::string> embedder_ops() {
  return {"embed", "rerank", "classify", "tokenize", "detokenize", "describe"};
}

void embedder_answers(const Request& request, const std::shared_ptr<FakeCall>& call) {
  for (const std::string& text : request.inputs)
    if (const Code code = refusal_of(text); code != Code::ok)
      return call->fail(
          {code, "the model says " + text, "texts", code == Code::resource_exhausted ? 20u : 0u});
  const json::value root = *parse_json(request.params_json);
  const Params& params = root.as_object();
  std::vector<std::string> items = request.inputs;
  if (const json::value* ids = params.if_contains("token_ids"))
    for (const json::value& item : ids->as_array()) items.push_back(text_of(item.as_array()));
  if (flag(params, "pairs")) {
    for (std::size_t i = 0; i < items.size() / 2; ++i) items[i] = items[2 * i] + items[2 * i + 1];
    items.resize(items.size() / 2);
  }
  int64_t tokens = 0;
  for (std::size_t i = items.size(); i-- > 0;) {
    tokens += int64_t(items[i].size());
    if (request.op == "embed") call->emit(embedded(i, items[i], params));
    if (request.op == "classify") call->emit(classified(i, items[i], flag(params, "pairs")));
    if (request.op == "tokenize") call->emit(tokenized(i, items[i]));
    if (request.op == "detokenize") call->emit(uint32_t(i), items[i], {}, true);
  }
  if (request.op == "rerank") call->emit(ranked(items));
  if (request.op == "describe") call->emit(json_event(0, description()));
  call->end(tokens);
}

std::vector<float> text_vector(const std::string& text, std::size_t dimensions) {
  unsigned sum = 0;
  for (const unsigned char c : text) sum += c;
  std::vector<float> vector;
  for (std::size_t i = 0; i < dimensions; ++i)
    vector.push_back(float((sum + i * 7) % 16 + 1) / 16 * (i % 2 == 0 ? 1 : -1));
  return vector;
}

std::string bytes_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

Event tensor_event(uint32_t index, const std::vector<float>& numbers,
                   const std::vector<std::size_t>& shape) {
  const json::object meta = {{"dtype", "f32"}, {"shape", json::array(shape.begin(), shape.end())}};
  return {SERVAL_EVENT_TENSOR, index, true, bytes_of(numbers), json::serialize(meta), 0};
}

}  // namespace serval::host
