#include "host/protocols/openai/embeddings.h"

#include "host/protocols/json_text.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/request_headers.h"
#include "host/protocols/tensor_event.h"
#include "serval/request.h"

namespace serval::host {
namespace {

// The model speaks of what it was given; the client knows it as `input`.
HttpResponse embedding_error(const Error& error) {
  Error renamed = error;
  if (error.param == "texts" || error.param == "token_ids") renamed.param = "input";
  return openai_error(renamed);
}

// One element of the answer's `data`, without its opening.
ItemForm embedding_form(const std::string& model, bool base64) {
  ItemForm form;
  form.kind = SERVAL_EVENT_TENSOR;
  form.error = embedding_error;
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
    response.headers.add("openai-processing-ms", elapsed_ms(received));
  };
  setup.response_bytes = options.response_bytes;
  return answer_items(std::move(setup));
}

}  // namespace serval::host
