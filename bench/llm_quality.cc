// serval-llm-quality: how far a model's answers are from those of a reference, token by token.
//
// Both see a text in windows of 512 tokens and are judged on the second half of each, as
// llama-perplexity judges. The reference keeps its keys and values in f32; the judged model runs
// once for each type of --kv. One line a type:
//   kv TYPE
//   perplexity_reference, perplexity  exp of the mean negative log-probability of the text's tokens
//   kl_mean, kl_p99                   KL(reference || judged) over the whole vocabulary, in nats
//   top1_agreement                    share of positions where both find the same token likeliest
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bench/divergence.h"
#include "plugins/llm/loaded_model.h"

namespace serval::llm {
namespace {

constexpr int kWindow = 512;
constexpr int kFirst = kWindow / 2;  // the first position that is judged: it predicts the next
constexpr int kBlocks = kWindow / kBlockTokens;

struct Options {
  std::string reference, model, text, kv = "f32";
  int windows = 16;  // 0: the whole text
  int threads = 0;
};

// What has been seen of one type of KV cache.
struct Judgement {
  std::string kv;
  KvMemory memory;
  double reference_loss = 0, loss = 0;
  std::vector<double> divergences;
  std::size_t same_top = 0;
};

LlmConfig config_for(const Options& o, KvType type) {
  LlmConfig config;
  config.threads = o.threads;
  config.context = kWindow;
  config.sequences = 1;
  config.tokens_per_step = kWindow;
  config.kv_type = type;
  return config;
}

Result<KvType> kv_type_of(const std::string& name) {
  const Result<LlmConfig> config = parse_config(R"({"kv_type":")" + name + R"("})");
  if (!config) return config.error();
  return config->kv_type;
}

// A cache of one window for each type of the list, names parted by commas.
Result<std::vector<Judgement>> judgements(const Options& o, const ModelShape& shape) {
  std::vector<Judgement> all;
  for (std::size_t at = 0; at <= o.kv.size();) {
    const std::size_t end = std::min(o.kv.find(',', at), o.kv.size());
    Judgement j;
    j.kv = o.kv.substr(at, end - at);
    at = end + 1;
    const Result<KvType> type = kv_type_of(j.kv);
    if (!type) return type.error();
    // Not every family has every type.
    const Result<ModelPlan> plan = LoadedModel::plan(o.model, config_for(o, *type));
    if (!plan) return plan.error();
    Result<KvMemory> memory = KvMemory::allocate(shape, *type, kBlocks);
    if (!memory) return memory.error();
    j.memory = std::move(*memory);
    all.push_back(std::move(j));
  }
  return all;
}

Result<std::vector<TokenId>> tokens_of(const Options& o, const LoadedModel& reference,
                                       const LoadedModel& model) {
  std::ifstream in(o.text, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return error(Code::not_found, o.text + ": cannot be read");
  const EncodeOptions options{.add_special = true};
  std::vector<TokenId> tokens = model.tokenizer().encode(text, options);
  if (reference.tokenizer().encode(text, options) != tokens)
    return invalid(o.reference + " and " + o.model + " have different tokenizers");
  if (tokens.size() < kWindow)
    return invalid(o.text + " has " + std::to_string(tokens.size()) + " tokens; a window needs " +
                   std::to_string(kWindow));
  return tokens;
}

void forward(Model& model, const std::vector<TokenId>& window, const KvMemory& kv) {
  std::vector<int> blocks(kBlocks);
  for (int i = 0; i < kBlocks; ++i) blocks[std::size_t(i)] = i;
  const ModelSlice slice{window.data(), kWindow, 0, blocks, kFirst};
  model.forward({&slice, 1}, kv);
}

// Compares all judged positions of the window that both models have just computed.
void compare(Model& reference, Model& model, const std::vector<TokenId>& window, Judgement& j) {
  const int vocab = model.shape().vocab;
  // The last position predicts a token that is not in the window.
  const int judged = kWindow - kFirst - 1;
  for (int row = 0; row < judged; row += Model::kLogitRows) {
    const int rows = std::min(Model::kLogitRows, judged - row);
    const float* want = reference.logits(row, rows);
    const float* got = model.logits(row, rows);
    for (int r = 0; r < rows; ++r) {
      const Distribution p = distribution(want + std::ptrdiff_t(r) * vocab, vocab);
      const Distribution q = distribution(got + std::ptrdiff_t(r) * vocab, vocab);
      const TokenId next = window[std::size_t(kFirst + row + r + 1)];
      j.reference_loss -= p.log_probability(next);
      j.loss -= q.log_probability(next);
      j.divergences.push_back(divergence(p, q, vocab));
      j.same_top += p.top == q.top;
    }
  }
}

void print(Judgement& j) {
  std::vector<double>& kl = j.divergences;
  const auto count = double(kl.size());
  double sum = 0;
  for (const double value : kl) sum += value;
  std::sort(kl.begin(), kl.end());
  std::printf(
      "kv %s perplexity_reference %.4f perplexity %.4f kl_mean %.7f kl_p99 %.6f "
      "top1_agreement %.4f\n",
      j.kv.c_str(), std::exp(j.reference_loss / count), std::exp(j.loss / count), sum / count,
      kl[std::size_t(0.99 * (count - 1))], double(j.same_top) / count);
}

Status run(const Options& o) {
  const LlmConfig config = config_for(o, KvType::f32);
  const Result<std::unique_ptr<LoadedModel>> reference = LoadedModel::load(o.reference, config, {});
  if (!reference) return reference.error();
  const Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(o.model, config, {});
  if (!model) return model.error();
  Model& want = (*reference)->model();
  Model& got = (*model)->model();
  if (want.shape().vocab != got.shape().vocab)
    return invalid(o.reference + " has " + std::to_string(want.shape().vocab) + " tokens, " +
                   o.model + " " + std::to_string(got.shape().vocab));
  const Result<std::vector<TokenId>> tokens = tokens_of(o, **reference, **model);
  if (!tokens) return tokens.error();
  const Result<KvMemory> memory = KvMemory::allocate(want.shape(), KvType::f32, kBlocks);
  if (!memory) return memory.error();
  Result<std::vector<Judgement>> all = judgements(o, got.shape());
  if (!all) return all.error();

  const Tokenizer& tokenizer = (*model)->tokenizer();
  const int most = int(tokens->size() / kWindow);
  const int windows = o.windows == 0 ? most : std::min(o.windows, most);
  for (int w = 0; w < windows; ++w) {
    std::vector<TokenId> window(tokens->begin() + std::ptrdiff_t(w) * kWindow,
                                tokens->begin() + std::ptrdiff_t(w + 1) * kWindow);
    if (tokenizer.adds_bos() && tokenizer.bos()) window[0] = *tokenizer.bos();
    forward(want, window, *memory);
    for (Judgement& j : *all) {
      forward(got, window, j.memory);
      compare(want, got, window, j);
    }
  }
  for (Judgement& j : *all) print(j);
  return {};
}

}  // namespace
}  // namespace serval::llm

int main(int argc, char** argv) {
  serval::llm::Options o;
  bool known = argc % 2 == 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--reference") {
      o.reference = value;
    } else if (key == "--model") {
      o.model = value;
    } else if (key == "--text") {
      o.text = value;
    } else if (key == "--kv") {
      o.kv = value;
    } else if (key == "--windows") {
      o.windows = std::atoi(value.c_str());
    } else if (key == "--threads") {
      o.threads = std::atoi(value.c_str());
    } else {
      known = false;
    }
  }
  if (!known || o.reference.empty() || o.model.empty() || o.text.empty() || o.windows < 0 ||
      o.threads < 0) {
    std::fprintf(stderr,
                 "usage: serval-llm-quality --reference FILE --model FILE --text FILE "
                 "[--kv TYPE,TYPE...] [--windows N] [--threads N]\n");
    return 2;
  }
  const serval::Status done = serval::llm::run(o);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
