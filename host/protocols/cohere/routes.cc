#include "host/protocols/cohere/routes.h"

#include "host/protocols/cohere/params.h"
#include "host/protocols/item_reply.h"
#include "host/protocols/json_text.h"
#include "host/protocols/request_headers.h"
#include "host/protocols/tensor_event.h"
#include "serval/request.h"

namespace serval::host {
namespace {

constexpr std::size_t kDocumentsOfAUnit = 100;

HttpResponse cohere_error(int status, const Error& error) {
  std::string body = "{\"message\":";
  append_json_string(body, error.message.empty() ? "unknown error" : error.message);
  body += '}';
  return error_reply(status, error, std::move(body));
}

HttpResponse cohere_error(const Error& error) {
  return cohere_error(http_status(error.code), error);
}

struct Answer {
  int version = 1;  // of the API
  std::string id;
  std::size_t texts = 0, top_n = 0;
  std::vector<std::string> documents;
};

void append_results(std::string& out, const std::vector<Rank>& ranks, const Answer& answer) {
  for (std::size_t i = 0; i < answer.top_n; ++i) {
    if (i > 0) out += ',';
    out += "{\"index\":";
    append_number(out, int64_t(ranks[i].index));
    out += ",\"relevance_score\":";
    append_float(out, ranks[i].score);
    if (!answer.documents.empty())
      out.append(",\"document\":").append(answer.documents[ranks[i].index]);
    out += '}';
  }
}

Result<std::string> body_of(const Answer& answer, const std::string& scores,
                            const ItemUsage& usage) {
  const auto ranks = ranked(scores, answer.texts);
  if (!ranks) return ranks.error();
  std::string out = "{\"id\":";
  append_json_string(out, answer.id);
  out += ",\"results\":[";
  append_results(out, *ranks, answer);
  out += "],\"meta\":{\"api_version\":{\"version\":\"";
  append_number(out, int64_t(answer.version));
  out += "\"},\"billed_units\":{\"search_units\":";
  append_number(out, int64_t((answer.texts + kDocumentsOfAUnit - 1) / kDocumentsOfAUnit));
  out += "},\"tokens\":{\"input_tokens\":";
  append_number(out, usage.prompt_tokens);
  return out += "}}}";
}

ItemForm form_of(Answer answer) {
  ItemForm form;
  form.kind = SERVAL_EVENT_TENSOR;
  form.error = cohere_error;
  form.item = [](const Event& event, std::string& piece) -> Status {
    if (const auto shape = check_tensor(event, 1); !shape) return shape.error();
    piece = event.data;
    return {};
  };
  form.body = [answer = std::move(answer)](const std::vector<std::string>& pieces,
                                           const ItemUsage& usage) {
    return body_of(answer, pieces.front(), usage);
  };
  return form;
}

Handled rerank(const ItemRouteOptions& options, const std::shared_ptr<ModelChoice>& choice,
               int version, const HttpRequest& http) {
  if (!is_json_type(http.headers.get("content-type")))
    return cohere_error(415, invalid("content-type must be application/json"));
  Result<CohereRerank> params = parse_cohere_rerank(http.body, options.items);
  if (!params) return cohere_error(params.error());
  const Result<std::string> named = model_named(params->model, http.query);
  if (!named) return cohere_error(named.error());
  auto models = choice->candidates(*named, "rerank", "rerank");
  if (!models) return cohere_error(models.error());

  ItemSetup setup;
  setup.registry = options.registry;
  setup.models = std::move(*models);
  setup.refused = [choice](const std::string& model) { choice->refused(model, "rerank"); };
  setup.items = 1;  // the scores of all texts come as one
  setup.response_bytes = options.response_bytes;
  setup.form = form_of({version, http.request_id, params->texts.size(), params->top_n,
                        std::move(params->documents)});
  Request& request = setup.parts.emplace_back().request;
  request.op = "rerank";
  request.params_json = "{\"truncate\":true}";  // as Cohere does
  request.inputs = std::move(params->texts);
  request.inputs.insert(request.inputs.begin(), std::move(params->query));
  if (const Status status = apply_headers(http, false, request); !status)
    return cohere_error(status.error());
  return answer_items(std::move(setup));
}

}  // namespace

void add_cohere_routes(Router& router, const ItemRouteOptions& options) {
  const auto choice = std::make_shared<ModelChoice>(*options.registry, options.order);
  const ErrorForm form = [](int status, const Error& error) { return cohere_error(status, error); };
  for (const auto& [path, version] : {std::pair{"/v1/rerank", 1}, std::pair{"/v2/rerank", 2}}) {
    router.set_error_form(path, form);
    router.add({"POST", path, kScopeInfer,
                [options, choice, version = version](HttpRequest http) {
                  return rerank(options, choice, version, http);
                },
                options.body_bytes});
  }
}

}  // namespace serval::host
