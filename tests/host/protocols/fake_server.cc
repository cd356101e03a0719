// A server with a made-up model, to try clients against without weights: fake_server [PORT
// [TOKENS]]. It answers with the words of the last message or prompt, at most TOKENS times over,
// and has the operations of fake_embedder.h. With a key file of one key: "Bearer secret". Ends when
// its standard input closes.
#include <cstdlib>
#include <iostream>
#include <poll.h>
#include <thread>
#include <unistd.h>

#include "common/json.h"
#include "common/json_reader.h"
#include "host/net/server.h"
#include "host/protocols/admin/routes.h"
#include "host/protocols/cohere/routes.h"
#include "host/protocols/openai/routes.h"
#include "host/protocols/probes/routes.h"
#include "host/protocols/tei/routes.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

class OneKey : public Authenticator {
 public:
  Result<Principal> authenticate(std::string_view authorization) const override {
    if (authorization != "Bearer secret")
      return error(Code::unauthenticated, "this API key is not known");
    return Principal{"test", "k1", kScopeInfer | kScopeMetrics | kScopeAdmin, -3};
  }
};

std::string token_json(const std::string& word, bool top) {
  json::array bytes;
  for (const unsigned char c : word) bytes.push_back(c);
  json::object token = {{"id", 1}, {"bytes", bytes}, {"logprob", -0.5}};
  if (top) token["top"] = json::array{token};
  return json::serialize(json::object{{"tokens", json::array{token}}});
}

std::string prompt_of(const Request& request) {
  if (request.inputs.empty()) return "tokens";
  if (request.op != "chat") return request.inputs[0];
  const Result<json::value> messages = parse_json(request.inputs[0]);
  const json::value& content = messages->as_array().back().at("content");
  return content.is_string() ? std::string(content.get_string()) : json::serialize(content);
}

// Echoes the prompt word by word for each choice.
void answer(const Request& request, const std::shared_ptr<FakeCall>& call, int most) {
  const json::value root = *parse_json(request.params_json);
  const json::object& params = root.get_object();
  const auto number = [&](const char* key, int otherwise) {
    const json::value* value = params.if_contains(key);
    return value != nullptr && value->is_int64() ? int(value->get_int64()) : otherwise;
  };
  const std::string prompt = prompt_of(request);
  if (prompt == "busy") {
    Error busy = error(Code::resource_exhausted, "the queue is full");
    busy.retry_after_ms = 10;
    return call->fail(busy);
  }
  if (prompt == "crash") return call->fail(error(Code::internal, "the model failed"));
  std::string stop;
  if (const json::value* texts = params.if_contains("stop")) stop = texts->at(0).get_string();
  const bool logprobs = params.contains("logprobs");
  const int limit = std::min(most, number("max_tokens", 1 << 30));
  const int choices = number("n", 1);
  int tokens = 0;
  for (int i = 0; i < choices; ++i) {
    std::string reason = "stop";
    int count = 0;
    for (std::size_t at = 0; at < prompt.size();) {
      const std::size_t end = std::min(prompt.find(' ', at + 1), prompt.size());
      const std::string word = prompt.substr(at, end - at);
      at = end == prompt.size() && most > 1'000 ? 0 : end;
      if (!stop.empty() && word.find(stop) != std::string::npos) break;
      if (count++ == limit) {
        reason = "length";
        break;
      }
      call->emit(uint32_t(i), word,
                 logprobs ? token_json(word, params.contains("top_logprobs")) : std::string());
      if (prompt == "break midway now" && count == 2)
        return call->fail(error(Code::unavailable, "the server stops"));
    }
    call->close(uint32_t(i), reason);
    tokens += count;
  }
  call->end(3, tokens, 1);
}

int serve(uint16_t port, int most) {
  FakeRegistry registry("fake",
                        [most](const Request& request, const std::shared_ptr<FakeCall>& call) {
                          std::thread([request, call, most] {
                            if (request.op == "chat" || request.op == "complete")
                              return answer(request, call, most);
                            embedder_answers(request, call);
                          }).detach();
                        });
  for (const std::string& op : embedder_ops()) registry.info.ops.push_back(op);
  auto router = std::make_shared<Router>();
  add_openai_routes(*router, {&registry});
  add_probe_routes(*router, {&registry, [] { return std::string("serval_up 1\n"); }});
  ItemRouteOptions items;
  items.registry = &registry;
  add_tei_routes(*router, items, {"fake", 20'000});
  add_cohere_routes(*router, items);
  AdminOptions admin;
  admin.registry = &registry;
  add_admin_routes(*router, admin);

  ServerOptions options;
  ListenOptions listen;
  listen.host = "127.0.0.1";
  listen.port = port;
  listen.router = router;
  options.listeners.push_back(listen);
  options.authenticator = std::make_shared<OneKey>();
  options.limits.connections = 20'000;
  options.limits.connections_per_address = 20'000;
  Result<std::unique_ptr<HttpServer>> server = HttpServer::start(std::move(options));
  if (!server) {
    std::cerr << server.error().message << '\n';
    return 1;
  }
  std::cout << (*server)->ports()[0] << std::endl;
  char byte = 0;
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace
}  // namespace serval::host

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  const int most = argc > 2 ? std::atoi(argv[2]) : 1'000;
  return serval::host::serve(uint16_t(port), most);
}
