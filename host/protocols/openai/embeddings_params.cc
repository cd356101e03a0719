#include "common/json_reader.h"
#include "host/protocols/openai/embeddings.h"

namespace serval::host {
namespace {

constexpr int kMostDimensions = 1 << 20;

// Parameters of this server: those of `embed` under their own names.
void read_extra(JsonReader& reader, json::object& plugin) {
  std::string text;
  bool flag = false;
  for (const char* key : {"prompt_name", "truncation_side"}) {
    reader.read(key, text);
    if (const json::value* value = reader.value(key)) plugin[key] = *value;
  }
  for (const char* key : {"normalize", "truncate"}) {
    reader.read(key, flag);
    if (const json::value* value = reader.value(key)) plugin[key] = *value;
  }
}

void read_input(JsonReader& reader, std::size_t most, EmbeddingParams& params) {
  const json::value* input = reader.value("input");
  if (input == nullptr) return reader.fail("input", "input is missing");
  Result<ItemInputs> inputs = read_items("input", *input);
  if (!inputs) return reader.fail("input", inputs.error().message);
  params.inputs = std::move(*inputs);
  if (!params.inputs.empty.empty())
    return reader.fail("input", params.inputs.empty + " must not be empty");
  if (!params.inputs.texts.empty() && !params.inputs.token_ids.empty())
    return reader.fail("input", "input has both strings and arrays of token ids");
  if (params.inputs.items() > most)
    reader.fail("input", "input has " + std::to_string(params.inputs.items()) +
                             " items; this server takes at most " + std::to_string(most));
}

}  // namespace

Result<EmbeddingParams> parse_embeddings(std::string_view body, std::size_t most) {
  const Result<json::object> root = parse_json_object(body, "the body must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  EmbeddingParams params;
  reader.read("model", params.model);
  if (reader.value("model") == nullptr) reader.fail("model", "model is missing");
  std::string format = "float";
  reader.read("encoding_format", format);
  params.base64 = format == "base64";
  if (format != "float" && format != "base64")
    reader.fail("encoding_format", "encoding_format must be \"float\" or \"base64\"");
  int dimensions = 0;
  reader.read("dimensions", dimensions, 1, kMostDimensions);
  if (dimensions > 0) params.plugin["dimensions"] = dimensions;
  std::string user;  // checked only: keys name tenants here
  reader.read("user", user);
  read_extra(reader, params.plugin);
  read_input(reader, most, params);
  if (Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::host
