#include "host/protocols/openai/routes.h"

#include <algorithm>
#include <time.h>

#include "host/net/http_write.h"
#include "host/protocols/json_text.h"
#include "host/protocols/openai/audio.h"
#include "host/protocols/openai/embeddings.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/openai/params.h"
#include "host/protocols/openai/renderers.h"
#include "host/protocols/request_headers.h"

namespace serval::host {
namespace {

struct Endpoint {
  const char* op;
  const char* id_prefix;
  Result<GenerateParams> (*parse)(std::string_view, const GenerateLimits&);
  std::unique_ptr<Renderer> (*body)(RenderOptions);
  std::unique_ptr<Renderer> (*events)(RenderOptions);
};

constexpr Endpoint kChat = {"chat", "chatcmpl-", parse_chat, chat_body, chat_events};
constexpr Endpoint kCompletion = {"complete", "cmpl-", parse_completion, completion_body,
                                  completion_events};

// Names what answers: the same value means the same weights, plugin and load.
std::string fingerprint(const ModelInfo& model) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bits
  const std::string text = model.plugin_id + '\n' + model.plugin_version + '\n' + model.path;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "fp_";
  for (int shift = 60; shift >= 24; shift -= 4) out += kHex[(hash >> shift) & 15];
  return out + std::to_string(model.version);
}

std::string new_reply_id(const char* prefix) {
  std::string id = new_request_id();
  id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
  return prefix + id;
}

Result<std::vector<std::shared_ptr<Call>>> submit_all(const OpenAiOptions& options,
                                                      const Endpoint& endpoint,
                                                      const HttpRequest& http,
                                                      GenerateParams& params) {
  Request shared;
  shared.op = endpoint.op;
  shared.model = params.model;
  shared.cache_salt = params.cache_salt;
  if (Status status = apply_headers(http, params.stream, shared); !status) return status.error();
  std::vector<std::shared_ptr<Call>> calls;
  for (Prompt& prompt : params.prompts) {
    Request request = shared;
    if (prompt.is_tokens) {
      params.plugin["prompt_tokens"] = std::move(prompt.tokens);
    } else {
      request.inputs.push_back(std::move(prompt.text));
    }
    request.params_json = json::serialize(params.plugin);
    Result<std::shared_ptr<Call>> call = options.registry->submit(std::move(request));
    if (!call) {
      for (const auto& begun : calls) begun->cancel(CancelReason::client);
      return about_model(std::move(call).error());
    }
    calls.push_back(std::move(*call));
  }
  return calls;
}

Handled generate(const OpenAiOptions& options, const Endpoint& endpoint, const HttpRequest& http) {
  if (!is_json_type(http.headers.get("content-type")))
    return openai_error(415, invalid("content-type must be application/json"));
  Result<GenerateParams> params = endpoint.parse(http.body, {options.choices});
  if (!params) return openai_error(params.error());
  const Result<ModelInfo> model = options.registry->find(params->model);
  if (!model) return openai_error(about_model(model.error()));

  GenerationSetup setup;
  Result<std::vector<std::shared_ptr<Call>>> calls = submit_all(options, endpoint, http, *params);
  if (!calls) return openai_error(calls.error());
  setup.calls = std::move(*calls);
  setup.choices_per_call = params->n;
  setup.streamed = params->stream;
  setup.response_bytes = options.response_bytes;
  setup.received_ns = http.received_ns;

  RenderOptions render;
  render.id = new_reply_id(endpoint.id_prefix);
  render.model = params->model;
  render.fingerprint = fingerprint(*model);
  render.created_unix = int64_t(time(nullptr));
  render.choices = params->choices();
  render.logprobs = params->logprobs;
  render.top_logprobs = params->top_logprobs;
  render.include_usage = params->include_usage;
  setup.renderer =
      params->stream ? endpoint.events(std::move(render)) : endpoint.body(std::move(render));
  return std::unique_ptr<Reply>(std::make_unique<Generation>(std::move(setup)));
}

void append_model(std::string& out, const ModelInfo& model) {
  out += "{\"id\":";
  append_json_string(out, model.name);
  out += ",\"object\":\"model\",\"created\":";
  append_number(out, model.created_unix);
  out += ",\"owned_by\":\"serval\"}";
}

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.headers.add("content-type", "application/json");
  response.body = std::move(body);
  return response;
}

HttpResponse list_models(const ModelRegistry& registry) {
  std::string out = "{\"object\":\"list\",\"data\":[";
  bool first = true;
  for (const ModelInfo& model : registry.list()) {
    if (model.state != ModelState::ready) continue;
    if (!first) out += ',';
    first = false;
    append_model(out, model);
  }
  return json_response(out + "]}");
}

HttpResponse get_model(const ModelRegistry& registry, const std::string& name) {
  const Result<ModelInfo> model = registry.find(name);
  if (!model) return openai_error(about_model(model.error()));
  std::string out;
  append_model(out, *model);
  return json_response(std::move(out));
}

}  // namespace

void add_openai_routes(Router& router, const OpenAiOptions& options) {
  const ErrorForm form = [](int status, const Error& error) { return openai_error(status, error); };
  router.set_error_form("", form);  // also for what is too malformed to have a path
  ModelRegistry* registry = options.registry;
  router.add({"GET", "/v1/models", kScopeInfer,
              [registry](HttpRequest) -> Handled { return list_models(*registry); }, 0});
  router.add({"GET", "/v1/models/{...}", kScopeInfer,
              [registry](HttpRequest http) -> Handled { return get_model(*registry, http.tail); },
              0});
  for (const auto& [path, endpoint] :
       {std::pair{"/v1/chat/completions", &kChat}, std::pair{"/v1/completions", &kCompletion}}) {
    router.add({"POST", path, kScopeInfer,
                [options, endpoint = endpoint](HttpRequest http) {
                  return generate(options, *endpoint, http);
                },
                options.body_bytes});
  }
  const auto places = std::make_shared<EarlyPlaces>();
  for (const bool translate : {false, true})
    router.add({"POST", translate ? "/v1/audio/translations" : "/v1/audio/transcriptions",
                kScopeInfer, nullptr, options.audio_bytes,
                transcription_receiver(options, places, translate)});
  router.add({"GET", "/v1/audio/transcriptions/stream", kScopeInfer,
              [options](HttpRequest http) { return transcribe_live(options, http); }, 0});
  // The second path is what text-embeddings-inference has besides; errors look the same there.
  router.set_error_form("/embeddings", form);
  for (const char* path : {"/v1/embeddings", "/embeddings"})
    router.add({"POST", path, kScopeInfer,
                [options](HttpRequest http) { return embeddings(options, http); },
                options.body_bytes});
}

}  // namespace serval::host
