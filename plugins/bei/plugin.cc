// The bei plugin's face to the ABI: nothing behind this file knows it.
#include <serval/sdk.hpp>

#include "plugins/bei/loaded_model.h"

namespace serval::bei {
namespace {

// One request of the host as the engine sees it.
class HostClient final : public sdk::EngineClient<Client, Error> {
 public:
  using EngineClient::EngineClient;

  void emit(EventKind kind, int index, std::string_view data, std::string_view meta_json) override {
    const uint32_t abi = kind == EventKind::tensor ? SERVAL_EVENT_TENSOR
                         : kind == EventKind::json ? SERVAL_EVENT_JSON
                                                   : SERVAL_EVENT_TEXT;
    output_.emit(request_, abi, uint32_t(index), SERVAL_EVENT_FLAG_LAST, data, meta_json);
  }
};

struct BeiMetrics {
  explicit BeiMetrics(const sdk::Metrics& define)
      : tokens(define.counter("tokens_total", "Tokens computed")),
        items(define.counter("items_total", "Results given")),
        copies(define.counter("copies_total", "Results of inputs twice in a request")),
        cache_hits(define.counter("cache_hits_total", "Results found in the cache")),
        tokenize_seconds(
            define.counter("tokenize_seconds_total", "Processor time of tokenization")),
        cache_bytes(define.gauge("cache_bytes", "Size of the cache of results")),
        batch_tokens(define.histogram("batch_tokens", "Tokens in a step", kTokenBounds)),
        batch_items(define.histogram("batch_items", "Texts in a step", kItemBounds)) {}

  void report(const EngineCounts& now) {
    tokens.add(double(now.tokens - last.tokens));
    items.add(double(now.items - last.items));
    copies.add(double(now.copies - last.copies));
    cache_hits.add(double(now.cache_hits - last.cache_hits));
    tokenize_seconds.add(now.tokenize_seconds - last.tokenize_seconds);
    cache_bytes.set(double(now.cache_bytes));
    if (now.steps > last.steps) {
      batch_tokens.observe(now.batch_tokens);
      batch_items.observe(now.batch_items);
    }
    last = now;
  }

  static constexpr double kTokenBounds[] = {8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
  static constexpr double kItemBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  sdk::Counter tokens, items, copies, cache_hits, tokenize_seconds;
  sdk::Gauge cache_bytes;
  sdk::Histogram batch_tokens, batch_items;
  EngineCounts last;
};

class BeiEngine final : public sdk::LoadedEngine<LoadedModel, BeiMetrics> {
 public:
  using LoadedEngine::LoadedEngine;

  void admit(sdk::Request request) override {
    const uint64_t id = request.id();
    auto client = std::make_unique<HostClient>(std::move(request));
    const HostClient& host = *client;
    const sdk::Request& view = host.request();
    if (!view.adapter().empty())
      return client->fail(error(Code::unimplemented, "this model has no adapters", "adapter"));
    const std::string_view op = view.op(), params = view.params_json();
    const RequestInfo info{view.priority(), view.accepted_ns(), view.cache_namespace()};
    std::vector<std::string_view> inputs = host.inputs();
    engine().submit(id, std::move(client), op, std::move(inputs), params, info);
  }
  void memory_pressure() override { engine().shrink(); }
  void abort(const sdk::Error& why) override {
    engine().abort(error(Code(why.code), why.message, why.param));
  }
};

class BeiPlugin final : public sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig& config) override {
    const Result<BeiConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    const Result<ModelPlan> plan = LoadedModel::plan(config.path, *parsed);
    if (!plan) return sdk::Error::from(plan.error());
    return sdk::Resource{.load_peak = plan->load_bytes, .steady = plan->bytes};
  }

  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig& config, sdk::Host host,
                                                sdk::ModelRef model) override {
    const Result<BeiConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    const sdk::LoadProgress progress = host.progress(model);
    Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(
        config.path, *parsed,
        [&](int per_mille) { return progress.report(per_mille / 1000.0, "packing weights").ok(); },
        [host, name = std::string(config.name)](bool warning, const std::string& text) {
          host.log(warning ? sdk::Level::warn : sdk::Level::info, text, {{"model", name}});
        },
        [host] { return host.now_ns(); });
    if (!loaded) return sdk::Error::from(loaded.error());
    return std::make_unique<sdk::EngineModel>(
        host, model,
        std::make_unique<BeiEngine>(std::move(*loaded), BeiMetrics(host.metrics(model)),
                                    uint32_t(parsed->requests)));
  }

  const char* config_schema() const override { return bei::config_schema(); }
};

}  // namespace
}  // namespace serval::bei

SERVAL_EXPORT_PLUGIN(serval::bei::BeiPlugin, "org.serval.bei", "0.1.0",
                     SERVAL_OPS("embed", "rerank", "classify", "tokenize", "detokenize",
                                "describe"),
                     .vendor = "Serval", .license = "Apache-2.0",
                     .description = "Embeddings, reranking and classification by encoder models");
