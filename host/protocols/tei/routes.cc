#include "host/protocols/tei/routes.h"

#include "host/protocols/request_headers.h"
#include "host/protocols/tei/errors.h"
#include "host/protocols/tei/params.h"
#include "serval/request.h"

namespace serval::host {
namespace {

struct Context {
  ItemRouteOptions options;
  TeiServer server;
  ModelChoice choice;

  Context(const ItemRouteOptions& given, const TeiServer& about)
      : options(given), server(about), choice(*given.registry, given.order) {}
};
using Shared = std::shared_ptr<Context>;

constexpr std::pair<const char*, TeiParse> kEndpoints[] = {
    {"/embed", parse_tei_embed},
    {"/embed_all", parse_tei_embed_all},
    {"/embed_sparse", parse_tei_embed_sparse},
    {"/similarity", parse_tei_similarity},
    {"/tokenize", parse_tei_tokenize},
    {"/decode", parse_tei_decode},
    {"/rerank", parse_tei_rerank},
    {"/predict", parse_tei_predict}};

// What text-embeddings-inference tells of the work behind an answer, times in milliseconds.
void add_work_headers(uint64_t received_ns, const ItemUsage& usage, HttpResponse& response) {
  const auto add = [&](const char* name, uint64_t value) {
    response.headers.add(name, std::to_string(value));
  };
  add("x-compute-tokens", uint64_t(usage.prompt_tokens));
  add("x-total-time", (now_ns() - received_ns) / 1'000'000);
  add("x-queue-time", usage.queue_ns / 1'000'000);
  add("x-inference-time", usage.run_ns / 1'000'000);
}

Handled submit(const Shared& context, const HttpRequest& http, const std::string& model,
               TeiCall call) {
  auto models = context->choice.candidates(model, call.op, call.what);
  if (!models) return tei_error(models.error());
  ItemSetup setup;
  setup.registry = context->options.registry;
  setup.models = std::move(*models);
  setup.refused = [context, what = call.what](const std::string& name) {
    context->choice.refused(name, what);
  };
  setup.parts = std::move(call.parts);
  for (ItemPart& part : setup.parts)
    if (const Status status = apply_headers(http, false, part.request); !status)
      return tei_error(status.error());
  setup.items = call.items;
  setup.form = std::move(call.form);
  setup.form.error = tei_error;
  setup.form.headers = [received = http.received_ns](const ItemUsage& usage,
                                                     HttpResponse& response) {
    add_work_headers(received, usage, response);
  };
  setup.response_bytes = context->options.response_bytes;
  return answer_items(std::move(setup));
}

Handled post(const Shared& context, TeiParse parse, const HttpRequest& http) {
  if (!is_json_type(http.headers.get("content-type")))
    return tei_error(415, invalid("content-type must be application/json"));
  const Result<json::value> root = parse_json(http.body);
  if (!root) return tei_error(root.error());
  if (!root->is_object()) return tei_error(invalid("the body must be a JSON object"));
  JsonReader reader(root->get_object());
  std::string model;
  reader.read("model", model);
  TeiCall call = parse(reader);
  if (const Status status = reader.finish(); !status) return tei_error(status.error());
  if (!call.empty.empty()) return tei_empty(call.empty);
  if (call.batch > context->options.items)
    return tei_error(error(Code::out_of_range, "batch size " + std::to_string(call.batch) +
                                                   " > maximum allowed batch size " +
                                                   std::to_string(context->options.items)));
  const Result<std::string> named = model_named(model, http.query);
  if (!named) return tei_error(named.error());
  return submit(context, http, *named, std::move(call));
}

Handled info(const Shared& context, const HttpRequest& http) {
  const Result<std::string> named = model_named({}, http.query);
  if (!named) return tei_error(named.error());
  auto models = context->choice.candidates(*named, "describe", "describe");
  if (!models) return tei_error(models.error());
  const std::string model = models->front();
  const Result<ModelInfo> about = context->options.registry->find(model);
  if (!about) return tei_error(about.error());
  TeiCall call;
  call.op = call.what = "describe";
  call.items = 1;
  call.parts.emplace_back().request.op = "describe";
  call.form.kind = SERVAL_EVENT_JSON;
  call.form.item = [](const Event& event, std::string& piece) -> Status {
    piece = event.data;
    return {};
  };
  call.form.body = [model, path = about->path, server = context->server](
                       const std::vector<std::string>& pieces, const ItemUsage&) {
    return tei_info(pieces.front(), model, path, server);
  };
  return submit(context, http, model, std::move(call));
}

HttpResponse health(const ModelRegistry& registry) {
  std::vector<std::string> why_not;
  HttpResponse response;
  if (registry.ready(&why_not)) return response;
  std::string text = "not ready";
  for (const std::string& line : why_not) text += "; " + line;
  return tei_error(503, error(Code::unavailable, std::move(text)));
}

}  // namespace

void add_tei_routes(Router& router, const ItemRouteOptions& options, const TeiServer& server) {
  const auto context = std::make_shared<Context>(options, server);
  const ErrorForm form = [](int status, const Error& error) { return tei_error(status, error); };
  for (const auto& [path, parse] : kEndpoints) {
    router.set_error_form(path, form);
    router.add({"POST", path, kScopeInfer,
                [context, parse = parse](HttpRequest http) { return post(context, parse, http); },
                options.body_bytes});
  }
  router.set_error_form("/info", form);
  router.add({"GET", "/info", kScopeInfer,
              [context](HttpRequest http) { return info(context, http); }, 0});
  router.set_error_form("/health", form);
  router.add({"GET", "/health", kScopeNone,
              [registry = options.registry](HttpRequest) -> Handled { return health(*registry); },
              0});
}

}  // namespace serval::host
