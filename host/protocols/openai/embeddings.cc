#include "host/protocols/openai/embeddings.h"

#include "common/json_reader.h"
#include "host/protocols/json_text.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/request_headers.h"
#include "host/protocols/tensor_event.h"
#include "serval/request.h"

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

// One element of the answer's `data`, without its opening.
ItemForm embedding_form(const std::string& model, bool base64) {
  ItemForm form;
  form.kind = SERVAL_EVENT_TENSOR;
  form.error = openai_error;
  form.item = [base64](const Event& event, std::string& piece) -> Status {
    if (auto shape = check_tensor(event, 1); !shape) return shape.error();
    piece = "{\"object\":\"embedding\",\"index\":";
    append_number(piece, int64_t(event.index));
    piece += ",\"embedding\":";
    if (base64) {
      append_base64(piece, event.data);
    } else if (!append_floats(piece, event.data)) {
      return error(Code::internal, "the model gave an embedding that is not a number");
    }
    piece += '}';
    return {};
  };
  form.body = [model](const std::vector<std::string>& pieces,
                      const ItemUsage& usage) -> Result<std::string> {
    std::string out = "{\"object\":\"list\",\"data\":" + joined(pieces) + ",\"model\":";
    append_json_string(out, model);
    out += ",\"usage\":{\"prompt_tokens\":";
    append_number(out, usage.prompt_tokens);
    out += ",\"total_tokens\":";
    append_number(out, usage.prompt_tokens);
    return out += "}}";
  };
  return form;
}

}  // namespace

Result<EmbeddingParams> parse_embeddings(std::string_view body, std::size_t most) {
  const Result<json::value> root = parse_json(body);
  if (!root) return root.error();
  if (!root->is_object()) return invalid("the body must be a JSON object");
  JsonReader reader(root->get_object());
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

Handled embeddings(const OpenAiOptions& options, const HttpRequest& http) {
  if (!is_json_type(http.headers.get("content-type")))
    return openai_error(415, invalid("content-type must be application/json"));
  Result<EmbeddingParams> params = parse_embeddings(http.body, options.items);
  if (!params) return openai_error(params.error());
  if (const Result<ModelInfo> model = options.registry->find(params->model); !model) {
    Error unknown = model.error();
    if (unknown.param.empty()) unknown.param = "model";
    return openai_error(unknown);
  }
  ItemSetup setup;
  setup.registry = options.registry;
  setup.models = {params->model};
  setup.items = params->inputs.items();
  setup.parts = item_parts("embed", std::move(params->inputs), std::move(params->plugin));
  for (ItemPart& part : setup.parts)
    if (Status status = apply_headers(http, false, part.request); !status)
      return openai_error(status.error());
  setup.form = embedding_form(params->model, params->base64);
  setup.form.headers = [received = http.received_ns](const ItemUsage&, HttpResponse& response) {
    response.headers.add("openai-processing-ms", std::to_string((now_ns() - received) / 1'000'000));
  };
  setup.response_bytes = options.response_bytes;
  return answer_items(std::move(setup));
}

}  // namespace serval::host
