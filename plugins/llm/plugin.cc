// The llm plugin's face to the ABI: nothing behind this file knows it.
#include <optional>
#include <serval/sdk.hpp>

#include "plugins/llm/loaded_model.h"

namespace serval::llm {
namespace {

// One request of the host as the engine sees it.
class HostClient final : public sdk::EngineClient<Client, Error> {
 public:
  using EngineClient::EngineClient;

  std::string_view op() const { return request_.op(); }
  std::string_view adapter() const { return request_.adapter(); }
  std::string_view input() const { return request_.input(0); }
  std::string_view params_json() const { return request_.params_json(); }

  RequestInfo info() const {
    return {request_.priority(), request_.accepted_ns(), request_.deadline_ns(),
            request_.cache_namespace()};
  }

  void text(int index, std::string_view text, std::string_view meta_json, bool last) override {
    output_.text(request_, uint32_t(index), text, meta_json, last);
  }
};

struct LlmMetrics {
  explicit LlmMetrics(const sdk::Metrics& define)
      : prefill_tokens(define.counter("prefill_tokens_total", "Prompt tokens computed")),
        decode_tokens(define.counter("decode_tokens_total", "Output tokens computed")),
        preemptions(define.counter("preemptions_total", "Sequences that lost their KV blocks")),
        refusals(define.counter("deadline_refusals_total",
                                "Requests ended by their deadline before any output")),
        stops(define.counter("deadline_stops_total", "Requests whose output their deadline cut")),
        running(define.gauge("running_sequences", "Sequences in the last step")),
        waiting(define.gauge("waiting_sequences", "Sequences admitted but not running")),
        blocks_used(define.gauge("kv_blocks_used", "KV cache blocks that sequences have")),
        blocks_cached(define.gauge("kv_blocks_cached", "KV cache blocks kept for their content")),
        blocks_total(define.gauge("kv_blocks_total", "KV cache blocks")),
        evictions(define.counter("kv_evictions_total", "Kept KV blocks given to new tokens")),
        prefix_hits(define.counter("prefix_hits_total", "Sequences that found their beginning")),
        prefix_tokens(define.counter("prefix_tokens_total", "Tokens found in the KV cache")),
        disk_bytes(define.gauge("kv_disk_bytes", "Size of the KV cache's files")),
        disk_blocks(define.gauge("kv_disk_blocks", "KV blocks on the disk")),
        disk_hits(define.counter("kv_disk_hits_total", "KV blocks read from the disk")),
        disk_written(define.counter("kv_disk_written_total", "KV blocks written to the disk")),
        disk_dropped(define.counter("kv_disk_dropped_total", "KV blocks the disk did not take")),
        disk_damaged(define.counter("kv_disk_damaged_total", "KV files and blocks discarded")),
        batch_tokens(define.histogram("batch_tokens", "Tokens in a step", kBatchBounds)) {}

  void report(const EngineCounts& now) {
    prefill_tokens.add(double(now.prefill_tokens - last.prefill_tokens));
    decode_tokens.add(double(now.decode_tokens - last.decode_tokens));
    preemptions.add(double(now.preemptions - last.preemptions));
    refusals.add(double(now.deadline_refusals - last.deadline_refusals));
    stops.add(double(now.deadline_stops - last.deadline_stops));
    running.set(now.running);
    waiting.set(now.waiting);
    blocks_used.set(now.blocks_used);
    blocks_cached.set(now.blocks_cached);
    blocks_total.set(now.blocks_total);
    evictions.add(double(now.cache.evictions - last.cache.evictions));
    prefix_hits.add(double(now.cache.prefix_hits - last.cache.prefix_hits));
    prefix_tokens.add(double(now.cache.prefix_tokens - last.cache.prefix_tokens));
    disk_bytes.set(double(now.disk.store.bytes));
    disk_blocks.set(double(now.disk.store.blocks));
    disk_hits.add(double(now.disk.hits - last.disk.hits));
    disk_written.add(double(now.disk.written - last.disk.written));
    disk_dropped.add(double(now.disk.dropped - last.disk.dropped));
    disk_damaged.add(double(now.disk.store.damaged - last.disk.store.damaged));
    if (now.steps > last.steps) batch_tokens.observe(now.batch_tokens);
    last = now;
  }

  static constexpr double kBatchBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  sdk::Counter prefill_tokens, decode_tokens, preemptions, refusals, stops;
  sdk::Gauge running, waiting, blocks_used, blocks_cached, blocks_total;
  sdk::Counter evictions, prefix_hits, prefix_tokens;
  sdk::Gauge disk_bytes, disk_blocks;
  sdk::Counter disk_hits, disk_written, disk_dropped, disk_damaged;
  sdk::Histogram batch_tokens;
  EngineCounts last;
};

class LlmEngine final : public sdk::LoadedEngine<LoadedModel, LlmMetrics> {
 public:
  using LoadedEngine::LoadedEngine;

  void admit(sdk::Request request) override {
    const uint64_t id = request.id();
    auto client = std::make_unique<HostClient>(std::move(request));
    const HostClient& view = *client;
    if (!view.adapter().empty())
      return client->fail(error(Code::unimplemented, "this model has no adapters", "adapter"));
    const std::string_view op = view.op(), input = view.input(), params = view.params_json();
    const RequestInfo info = view.info();
    engine().submit(id, std::move(client), op, input, params, info);
  }
  void abort(const sdk::Error& why) override {
    engine().abort(error(Code(why.code), why.message, why.param));
  }
};

class LlmPlugin final : public sdk::Plugin {
  sdk::Result<sdk::Resource> probe(const sdk::ModelConfig& config) override {
    const Result<LlmConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    const Result<ModelPlan> plan = LoadedModel::plan(config.path, *parsed);
    if (!plan) return sdk::Error::from(plan.error());
    return sdk::Resource{.load_peak = plan->load_bytes, .steady = plan->bytes};
  }

  sdk::Result<std::unique_ptr<sdk::Model>> open(const sdk::ModelConfig& config, sdk::Host host,
                                                sdk::ModelRef model) override {
    Result<LlmConfig> parsed = parse_config(config.config_json);
    if (!parsed) return sdk::Error::from(parsed.error());
    if (parsed->pack_cache_path.empty() && !config.cache_dir.empty())
      parsed->pack_cache_path = std::string(config.cache_dir) + "/packed";
    if (parsed->kv_disk_path.empty() && !config.cache_dir.empty())
      parsed->kv_disk_path = std::string(config.cache_dir) + "/kv";
    const sdk::LoadProgress progress = host.progress(model);
    Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(
        config.path, *parsed,
        [&](int per_mille) {
          return progress.report(per_mille / 1000.0, "repacking weights").ok();
        },
        [host, name = std::string(config.name)](bool warning, const std::string& text) {
          host.log(warning ? sdk::Level::warn : sdk::Level::info, text, {{"model", name}});
        },
        [host] { return host.now_ns(); });
    if (!loaded) return sdk::Error::from(loaded.error());
    return std::make_unique<sdk::EngineModel>(
        host, model,
        std::make_unique<LlmEngine>(std::move(*loaded), LlmMetrics(host.metrics(model)),
                                    uint32_t(parsed->sequences)));
  }

  const char* config_schema() const override { return llm::config_schema(); }
};

}  // namespace
}  // namespace serval::llm

SERVAL_EXPORT_PLUGIN(serval::llm::LlmPlugin, "org.serval.llm", "0.1.0",
                     SERVAL_OPS("chat", "complete"), .vendor = "Serval", .license = "Apache-2.0",
                     .description = "Text generation from GGUF models");
