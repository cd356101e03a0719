#include "requests.h"

#include <fstream>
#include <iterator>

namespace serval::check {
namespace {

// Names, signs and emoji of one to four bytes; enough words for an echo plugin to be busy with.
constexpr std::string_view kTexts[] = {
    "Der Zug nach Zürich fährt um 9 Uhr ab, schönes Wetter ☀ inklusive. ",
    "東京 の 天気 は 晴れ 🌤 です 。 明日 も 晴れる でしょう 。 ",
    "The quick brown fox 🦊 jumps over the lazy dog, then sleeps. ",
    "Пример текста на русском языке с числом π ≈ 3,14159 и знаком €. ",
};

std::string prompt(Size size, int variant) {
  const std::string text(kTexts[std::size_t(variant) % std::size(kTexts)]);
  std::string out = "Number " + std::to_string(variant) + ". " + text;
  if (size == Size::lots)
    for (int i = 0; i < 7; ++i) out += text;
  return out;
}

int tokens(Size size) { return size == Size::tiny ? 4 : size == Size::text ? 24 : 64; }

sdk::Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return sdk::invalid(path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

sdk::Result<bool> read_flag(const sdk::Json& json, const char* key, const std::string& path) {
  const sdk::Json* value = json.find(key);
  if (value == nullptr) return false;
  if (value->boolean() == nullptr) return sdk::invalid(path + ": \"" + key + "\" is not a boolean");
  return *value->boolean();
}

sdk::Result<Arrival> read_arrival(const sdk::Json& json, bool has_input, const std::string& path) {
  const sdk::Result<bool> streamed = read_flag(json, "streamed", path);
  const sdk::Result<bool> uploaded = read_flag(json, "uploaded", path);
  if (!streamed) return streamed.error();
  if (!uploaded) return uploaded.error();
  if (*streamed && *uploaded)
    return sdk::invalid(path + ": an input cannot be both \"streamed\" and \"uploaded\"");
  if (!*streamed && !*uploaded) return Arrival::whole;
  if (!has_input)
    return sdk::invalid(path + ": there is no input to be \"streamed\" or \"uploaded\"");
  return *streamed ? Arrival::streamed : Arrival::uploaded;
}

sdk::Result<Spec> read_request(const std::string& path) {
  const sdk::Result<std::string> text = read_file(path);
  if (!text) return text.error();
  const sdk::Result<sdk::Json> json = sdk::Json::parse(*text);
  if (!json) return sdk::invalid(path + ": " + json.error().message);
  const sdk::Json *op = json->find("op"), *params = json->find("params"),
                  *inputs = json->find("inputs");
  if (op == nullptr || op->text().empty()) return sdk::invalid(path + ": want \"op\", a string");
  Spec spec;
  spec.op = op->text();
  if (params != nullptr) {
    if (params->object() == nullptr) return sdk::invalid(path + ": \"params\" is not an object");
    spec.params = to_text(*params);
  }
  if (inputs != nullptr && inputs->array() == nullptr)
    return sdk::invalid(path + ": \"inputs\" is not an array");
  if (inputs != nullptr)
    for (const sdk::Json& input : inputs->items()) {
      const sdk::Json* file = input.find("file");
      if (input.string() == nullptr && (file == nullptr || file->string() == nullptr))
        return sdk::invalid(path + ": an input is neither a string nor {\"file\": \"PATH\"}");
      sdk::Result<std::string> bytes =
          file == nullptr ? sdk::Result<std::string>(*input.string()) : read_file(*file->string());
      if (!bytes) return bytes.error();
      spec.inputs.push_back(*std::move(bytes));
    }
  const sdk::Result<Arrival> arrival = read_arrival(*json, !spec.inputs.empty(), path);
  if (!arrival) return arrival.error();
  spec.arrival = *arrival;
  return spec;
}

}  // namespace

sdk::Result<Requests> Requests::make(const std::vector<std::string>& files) {
  Requests requests;
  for (const std::string& file : files) {
    sdk::Result<Spec> spec = read_request(file);
    if (!spec) return spec.error();
    const std::string op = spec->op;
    requests.given_[op] = *std::move(spec);
  }
  return requests;
}

bool Requests::knows(std::string_view op) const {
  return given_.contains(op) || op == "echo" || op == "chat" || op == "complete" || op == "embed";
}

Spec Requests::make(std::string_view op, Size size, int variant) const {
  if (const auto it = given_.find(op); it != given_.end()) return it->second;
  const std::string text = prompt(size, variant);
  if (op == "echo") {
    const int repeat = size == Size::lots ? 1000 : tokens(size);
    return {"echo", "{\"repeat\":" + std::to_string(repeat) + "}", {text}};
  }
  if (op == "embed") {
    Spec spec{"embed", R"({"truncate":true})", {}};
    const int texts = size == Size::lots ? 400 : tokens(size);
    for (int i = 0; i < texts; ++i)
      spec.inputs.push_back("Text " + std::to_string(i) + ". " + prompt(Size::text, variant + i));
    return spec;
  }
  const std::string params =
      "{\"max_tokens\":" + std::to_string(tokens(size)) + ",\"temperature\":0}";
  if (op == "complete") return {"complete", params, {text}};
  return {"chat", params, {"[{\"role\":\"user\",\"content\":" + sdk::json_quote(text) + "}]"}};
}

std::string to_text(const sdk::Json& value) {
  if (value.is_null()) return "null";
  if (value.boolean() != nullptr) return *value.boolean() ? "true" : "false";
  if (value.integer() != nullptr) return std::to_string(*value.integer());
  if (value.string() != nullptr) return sdk::json_quote(*value.string());
  std::string out, comma;
  if (value.array() != nullptr) {
    for (const sdk::Json& item : value.items()) out += std::exchange(comma, ",") + to_text(item);
    return "[" + out + "]";
  }
  if (value.object() != nullptr) {
    for (const auto& [key, item] : *value.object())
      out += std::exchange(comma, ",") + sdk::json_quote(key) + ":" + to_text(item);
    return "{" + out + "}";
  }
  char number[32];
  return std::string(number, std::to_chars(number, number + sizeof number, value.number()).ptr);
}

}  // namespace serval::check
