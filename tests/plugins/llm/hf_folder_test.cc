// Hugging Face folders: the same model as its GGUF file, and what is refused.
#include "plugins/llm/hf/hf_folder.h"

#include <fstream>
#include <functional>
#include <random>

#include "common/formats/tokenizer.h"
#include "common/json.h"
#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

// A copy of a golden folder whose files a test may change.
class HfFolder : public testing::TestWithParam<const char*> {
 protected:
  HfFolder()
      : folder_(fs::temp_directory_path() /
                ("serval_hf_" + std::to_string(std::random_device{}()))) {}
  ~HfFolder() override { fs::remove_all(folder_); }

  void copy(const std::string& name) { fs::copy(golden_path(name), folder_); }

  std::string read(const std::string& file) const {
    std::ifstream in(folder_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / file, std::ios::binary) << text;
  }
  void edit(const std::string& file, const std::function<void(json::object&)>& change) const {
    auto parsed = parse_json(read(file));
    ASSERT_TRUE(parsed.ok());
    change(parsed->get_object());
    write(file, json::serialize(*parsed));
  }
  void expect_refused(const std::string& word) const {
    const auto opened = open_hf_folder(folder_);
    ASSERT_FALSE(opened.ok()) << word;
    EXPECT_NE(opened.error().message.find(word), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find(folder_.string()), std::string::npos)
        << opened.error().message;
  }

  fs::path folder_;
};

TEST_P(HfFolder, HasTheTokenizerAndTemplateOfTheGguf) {
  const std::string name = GetParam();
  auto gguf = load_golden(name), hf = load_golden(name + ".hf");
  ASSERT_TRUE(gguf && hf);
  EXPECT_EQ(gguf->tokenizer().vocab_size(), hf->tokenizer().vocab_size());
  EXPECT_EQ(gguf->tokenizer().bos(), hf->tokenizer().bos());
  EXPECT_EQ(gguf->tokenizer().eos(), hf->tokenizer().eos());
  EXPECT_EQ(gguf->tokenizer().end_tokens(), hf->tokenizer().end_tokens());
  EXPECT_EQ(gguf->tokenizer().adds_bos(), hf->tokenizer().adds_bos());
  for (const char* text : {"the other thing on a reel, at 1234 o'clock", "<|im_start|>user\nall",
                           "e\xcc\x81t\xc3\xa9  \n\n x"}) {
    EXPECT_EQ(gguf->tokenizer().encode(text, {true, true}),
              hf->tokenizer().encode(text, {true, true}));
  }
  const std::string params = R"({"temperature":0,"max_tokens":8,"ignore_eos":true})";
  const std::string messages = R"([{"role":"user","content":"the ring"}])";
  EXPECT_EQ(generate(gguf->engine(), messages, params, "chat").texts,
            generate(hf->engine(), messages, params, "chat").texts);
}
INSTANTIATE_TEST_SUITE_P(Models, HfFolder,
                         testing::Values("llama3-rope", "llama-linear", "qwen2-yarn", "qwen3",
                                         "qwen3moe", "mixtral", "gemma3", "deepseek-v3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Llama 3's scaling is computed here; a GGUF file brings the outcome.
TEST_F(HfFolder, RopeFactorsEqualThoseOfTheGguf) {
  const auto gguf = open_gguf(golden_path("llama3-rope.gguf"));
  const auto hf = open_hf_folder(golden_path("llama3-rope.hf"));
  ASSERT_TRUE(gguf.ok() && hf.ok());
  const GgufTensor* want = gguf->find_tensor("rope_freqs.weight");
  const GgufTensor* got = hf->find_tensor("rope_freqs.weight");
  ASSERT_TRUE(want != nullptr && got != nullptr);
  ASSERT_EQ(want->bytes.size(), got->bytes.size());
  for (std::size_t i = 0; i < want->elements; ++i) {
    float a, b;
    std::memcpy(&a, want->bytes.data() + 4 * i, 4);
    std::memcpy(&b, got->bytes.data() + 4 * i, 4);
    EXPECT_NEAR(a, b, 2e-6f * a);
  }
}

TEST_F(HfFolder, NewerRopeParameters) {
  copy("llama3-rope.hf");
  edit("config.json", [](json::object& o) {
    json::object rope = o["rope_scaling"].get_object();
    rope["rope_theta"] = o["rope_theta"];
    o.erase("rope_scaling");
    o.erase("rope_theta");
    o["rope_parameters"] = rope;
  });
  const auto opened = open_hf_folder(folder_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(*opened->real("llama.rope.freq_base"), 500000.0);
  EXPECT_NE(opened->find_tensor("rope_freqs.weight"), nullptr);
}

// Each shard and the configuration are part of what the model is.
TEST_F(HfFolder, SourcesAreAllFilesThatMakeWeights) {
  const auto opened = open_hf_folder(golden_path("llama3-rope.hf"));
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->sources().size(), 3u);
}

TEST_F(HfFolder, SettingsThatAreNotDoneAreRefusedByName) {
  const std::pair<const char*, json::value> settings[] = {
      {"model_type", "gpt_neox"},
      {"hidden_act", "relu"},
      {"quantization_config", {{"a", 1}}},
      {"partial_rotary_factor", 0.5},
      {"use_sliding_window", true},
      {"rope_scaling", {{"type", "dynamic"}, {"factor", 2}}},
      {"num_hidden_layers", "three"},
      {"hidden_size", nullptr},
      {"layer_types", {"sliding_attention"}},
      {"mlp_only_layers", {0}},
      {"rope_theta", nullptr},
      {"rope_scaling", {{"type", "yarn"}, {"factor", 2}, {"mscale", 1.0}}}};
  copy("qwen2-yarn.hf");
  const std::string good = read("config.json");
  ASSERT_TRUE(open_hf_folder(folder_).ok());
  for (const auto& [key, value] : settings) {
    edit("config.json", [&, k = key, v = value](json::object& o) { o[k] = v; });
    const auto opened = open_hf_folder(folder_);
    EXPECT_FALSE(opened.ok()) << key;
    write("config.json", good);
  }
  edit("config.json", [](json::object& o) { o["rope_scaling"] = {{"type", "dynamic"}}; });
  expect_refused("dynamic");
}

TEST_F(HfFolder, TokenizersThatAreNotDoneAreRefusedByName) {
  copy("qwen2-yarn.hf");
  const std::string good = read("tokenizer.json");
  const auto with = [&](const std::function<void(json::object&)>& change, const char* word) {
    write("tokenizer.json", good);
    edit("tokenizer.json", change);
    expect_refused(word);
  };
  with([](json::object& o) { o["model"].get_object()["type"] = "Unigram"; }, "Unigram");
  with([](json::object& o) { o["model"].get_object()["byte_fallback"] = true; }, "byte_fallback");
  with([](json::object& o) { o["model"].get_object()["ignore_merges"] = true; }, "ignore_merges");
  with([](json::object& o) { o["pre_tokenizer"] = {{"type", "Metaspace"}}; }, "Metaspace");
  with([](json::object& o) { o["normalizer"] = {{"type", "Lowercase"}}; }, "Lowercase");
  with(
      [](json::object& o) {
        o["post_processor"] = {{"type", "BertProcessing"}};
      },
      "BertProcessing");
  with([](json::object& o) { o["added_tokens"].get_array()[0].get_object()["lstrip"] = true; },
       "lstrip");
  with([](json::object& o) { o["added_tokens"].get_array()[0].get_object()["id"] = 5; },
       "the same id");
  with([](json::object& o) { o["added_tokens"].get_array()[0].get_object()["id"] = 4000000; },
       "without a token");
  with([](json::object& o) { o["model"].get_object().erase("vocab"); }, "vocab");
}

// The steps that DeepSeek V3's tokenizer.json has.
TEST_F(HfFolder, PreTokenizerOfSeveralSteps) {
  copy("qwen2-yarn.hf");
  const auto split = [](const char* regex) {
    return json::value{{"type", "Split"},
                       {"pattern", {{"Regex", regex}}},
                       {"behavior", "Isolated"},
                       {"invert", false}};
  };
  edit("tokenizer.json", [&](json::object& o) {
    o["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array{}}};
    o["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         json::array{split(R"(\p{N}{1,3})"),
                     split("[一-龥\u3040-ゟ゠-ヿ]+"),
                     split(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
                           R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
                           R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"),
                     {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  });
  const auto opened = open_hf_folder(folder_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(*opened->text("tokenizer.ggml.pre"), "deepseek-v3");
}

TEST_F(HfFolder, EndsComeFromAllFiles) {
  copy("qwen2-yarn.hf");
  edit("generation_config.json", [](json::object& o) { o["eos_token_id"] = {317, 319}; });
  edit("tokenizer.json", [](json::object& o) {
    o["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", json::array{{{"SpecialToken", {{"id", "<|im_start|>"}, {"type_id", 0}}}},
                               {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  });
  const auto opened = open_hf_folder(folder_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(*opened->integer("tokenizer.ggml.eos_token_id"), 319);
  EXPECT_EQ(*opened->integer("tokenizer.ggml.eot_token_id"), 317);
  EXPECT_TRUE(*opened->boolean("tokenizer.ggml.add_bos_token"));
}

TEST_F(HfFolder, DamagedFoldersAreErrors) {
  copy("llama3-rope.hf");
  const std::string shard = "model-00002-of-00002.safetensors";
  const std::string bytes = read(shard), index = read("model.safetensors.index.json");
  write(shard, bytes.substr(0, bytes.size() - 1));
  expect_refused(shard);
  fs::remove(folder_ / shard);
  expect_refused(shard);
  write(shard, bytes);
  write("model.safetensors.index.json", R"({"weight_map": {"a": "../../x.safetensors"}})");
  expect_refused("x.safetensors");
  fs::remove(folder_ / "model.safetensors.index.json");
  expect_refused("2 .safetensors files");
  write("model.safetensors.index.json", index);
  ASSERT_TRUE(open_hf_folder(folder_).ok());
  fs::remove(folder_ / "tokenizer.json");
  expect_refused("tokenizer.json");
  write("config.json", "[]");
  expect_refused("config.json");
}

// A head of its own that is missing must not be replaced by the embedding.
TEST_F(HfFolder, AMissingHeadIsAnError) {
  copy("llama-linear.hf");
  edit("config.json", [](json::object& o) { o["tie_word_embeddings"] = false; });
  expect_refused("lm_head");
}

TEST_F(HfFolder, TensorsThatDoNotBelongAreRefused) {
  copy("mixtral.hf");
  const std::string good = read("model.safetensors");
  const auto with = [&](const std::string& name, const std::string& other, const char* word) {
    std::string bytes = good;
    ASSERT_EQ(name.size(), other.size());
    bytes.replace(bytes.find(name), name.size(), other);
    write("model.safetensors", bytes);
    expect_refused(word);
  };
  with("model.layers.0.input_layernorm.weight", "model.layers.0.inxxt_layernorm.weight", "inxxt");
  with("model.layers.0.block_sparse_moe.experts.1.w1.weight",
       "model.layers.0.block_sparse_moe.experts.9.w1.weight", "other experts");
  with("model.layers.0.block_sparse_moe.experts.1.w1.weight",
       "model.layers.0.block_sparse_moe.experts.1.w9.weight", "w9");
}

// DeepSeek V3 ends with layers that guess further tokens; they are no part of the answer.
TEST_F(HfFolder, DraftLayersAreLeftOut) {
  copy("qwen3.hf");
  std::string bytes = read("model.safetensors");
  const std::string name = "model.layers.1.mlp.up_proj.weight",
                    other = "model.layers.2.mlp.xx_proj.weight";
  bytes.replace(bytes.find(name), name.size(), other);
  write("model.safetensors", bytes);
  expect_refused("xx_proj");
  edit("config.json", [](json::object& o) { o["num_nextn_predict_layers"] = 1; });
  const auto opened = open_hf_folder(folder_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->find_tensor("blk.2.ffn_up.weight"), nullptr);
}

// What a family lacks is found when its weights are placed.
TEST_F(HfFolder, ATensorOfAnotherFamilyIsRefused) {
  copy("qwen3.hf");
  edit("config.json", [](json::object& o) { o["model_type"] = "qwen2"; });
  EXPECT_FALSE(LoadedModel::load(folder_, {}, {}).ok());
}

}  // namespace
}  // namespace serval::llm
