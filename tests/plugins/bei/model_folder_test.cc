// Folders that are not what they should be, and the configuration.
#include "plugins/bei/hf/model_folder.h"

#include <functional>
#include <random>

#include "plugins/bei/config.h"
#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

namespace fs = std::filesystem;

// A copy of a golden folder whose files a test may change.
class BeiFolder : public testing::Test {
 protected:
  BeiFolder()
      : folder_(fs::temp_directory_path() /
                ("serval_bei_" + std::to_string(std::random_device{}()))) {}
  ~BeiFolder() override { fs::remove_all(folder_); }

  void copy(const std::string& name) {
    fs::remove_all(folder_);
    fs::copy(golden_path(name), folder_, fs::copy_options::recursive);
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / file, std::ios::binary) << text;
  }
  void edit(const std::string& file, const std::function<void(json::object&)>& change) const {
    auto parsed = parse_json(read_file(folder_ / file));
    ASSERT_TRUE(parsed.ok());
    change(parsed->get_object());
    write(file, json::serialize(*parsed));
  }
  // Both the probe and the load.
  void expect_refused(Code code, const std::string& word) const {
    const auto plan = LoadedModel::plan(folder_, {});
    ASSERT_FALSE(plan.ok()) << word;
    EXPECT_EQ(plan.error().code, code) << plan.error().message;
    EXPECT_NE(plan.error().message.find(word), std::string::npos) << plan.error().message;
    EXPECT_NE(plan.error().message.find(folder_.string()), std::string::npos)
        << plan.error().message;
    EXPECT_FALSE(LoadedModel::load(folder_, {}, {}, {}, steady_ns).ok());
  }

  fs::path folder_;
};

struct Edit {
  const char* model;
  const char* key;
  json::value value;
  Code code;
  const char* word;
};

TEST_F(BeiFolder, SettingsThatWouldChangeTheResultAreRefused) {
  const Edit edits[] = {
      {"bert", "model_type", "deberta-v2", Code::unimplemented, "deberta-v2"},
      {"bert", "architectures", json::array{"BertForQuestionAnswering"}, Code::unimplemented,
       "BertForQuestionAnswering"},
      {"bert", "position_embedding_type", "relative_key", Code::unimplemented, "relative_key"},
      {"bert", "is_decoder", true, Code::unimplemented, "is_decoder"},
      {"bert", "hidden_act", "mish", Code::unimplemented, "mish"},
      {"bert", "num_attention_heads", 5, Code::invalid_argument, "hidden_size"},
      {"bert", "num_attention_heads", 0, Code::invalid_argument, "num_attention_heads"},
      {"bert", "num_attention_heads", 8, Code::unimplemented, "multiple of 8"},
      {"bert", "hidden_size", "x", Code::invalid_argument, "hidden_size"},
      {"bert", "layer_norm_eps", -1, Code::invalid_argument, "layer_norm_eps"},
      {"bert", "vocab_size", 71, Code::invalid_argument, "word_embeddings"},
      {"bert", "num_hidden_layers", 3, Code::not_found, "layer.2"},
      {"bert", "num_hidden_layers", 1, Code::unimplemented, "layer.1"},
      {"bert-classes", "id2label", json::object{{"1", "a"}}, Code::invalid_argument, "id2label"},
      {"bert-classes", "id2label", json::object{{"0", "a"}, {"1", "b"}}, Code::invalid_argument,
       "classifier"},
      {"bert-classes", "problem_type", "regression", Code::unimplemented, "regression"},
      {"xlm-roberta", "pad_token_id", 66, Code::invalid_argument, "pad_token_id"},
      {"modernbert", "rope_scaling", json::object{{"type", "yarn"}}, Code::unimplemented,
       "rope_scaling"},
      {"nomic", "activation_function", "gelu", Code::unimplemented, "activation_function"},
      {"nomic", "rotary_emb_fraction", 0.5, Code::unimplemented, "rotary_emb_fraction"},
      {"nomic", "num_experts", 8, Code::unimplemented, "num_experts"},
      {"qwen3", "use_sliding_window", true, Code::unimplemented, "use_sliding_window"},
      {"qwen3", "num_key_value_heads", 3, Code::invalid_argument, "num_key_value_heads"},
  };
  for (const Edit& e : edits) {
    copy(e.model);
    edit("config.json", [&](json::object& config) { config[e.key] = e.value; });
    expect_refused(e.code, e.word);
  }
}

TEST_F(BeiFolder, ModulesThatAreNotKnownAreRefused) {
  const auto module = [](const char* type, const char* path) {
    return std::string(R"({"type":"sentence_transformers.models.)") + type + R"(","path":")" +
           path + "\"}";
  };
  const std::string start = "[" + module("Transformer", "") + ",";
  const std::pair<std::string, const char*> files[] = {
      {start + module("LSTM", "1_LSTM") + "]", "LSTM"},
      {start + module("Pooling", "1_Pooling") + "," + module("Pooling", "1_Pooling") + "]",
       "second pooling"},
      {start + module("Pooling", "1_Pooling") + "," + module("Normalize", "") + "," +
           module("Dense", "2_Dense") + "]",
       "behind the normalisation"},
      {"[" + module("Pooling", "1_Pooling") + "]", "begins with another module"},
  };
  for (const auto& [text, word] : files) {
    copy("bert");
    write("modules.json", text);
    expect_refused(Code::unimplemented, word);
  }
  copy("bert");
  write("modules.json", start + module("Pooling", "../1_Pooling") + "]");
  expect_refused(Code::data_loss, "leaves the folder");
  copy("bert");
  write("modules.json", "[1]");
  expect_refused(Code::data_loss, "modules.json");
  copy("bert");
  edit("1_Pooling/config.json", [](json::object& c) { c["pooling_mode_mean_tokens"] = true; });
  expect_refused(Code::unimplemented, "2 kinds of pooling");
  copy("bert");
  edit("2_Dense/config.json", [](json::object& c) { c["in_features"] = 31; });
  expect_refused(Code::invalid_argument, "in_features");
  copy("bert");
  edit("config_sentence_transformers.json",
       [](json::object& c) { c["default_prompt_name"] = "nothing"; });
  expect_refused(Code::invalid_argument, "default_prompt_name");
}

TEST_F(BeiFolder, DamagedFilesAreErrors) {
  for (const char* file : {"config.json", "model.safetensors", "1_Pooling/config.json"}) {
    copy("bert");
    fs::remove(folder_ / file);
    EXPECT_FALSE(LoadedModel::plan(folder_, {}).ok()) << file;
    copy("bert");
    const std::string whole = read_file(folder_ / file);
    for (const std::size_t part : {std::size_t(0), whole.size() / 3, whole.size() - 9}) {
      write(file, whole.substr(0, part));
      EXPECT_FALSE(LoadedModel::plan(folder_, {}).ok()) << file << " of " << part << " bytes";
    }
  }
  copy("bert");
  fs::remove(folder_ / "tokenizer.json");
  EXPECT_FALSE(LoadedModel::load(folder_, {}, {}, {}, steady_ns).ok());
  EXPECT_FALSE(LoadedModel::plan(folder_ / "nowhere", {}).ok());
}

// The prompt that a model wants when none is named.
TEST_F(BeiFolder, ADefaultPrompt) {
  copy("bert");
  edit("config_sentence_transformers.json",
       [](json::object& c) { c["default_prompt_name"] = "query"; });
  const auto loaded = load(folder_, with_precision(Precision::f32));
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  EXPECT_EQ(ask(engine, "embed", {"cat"}).vectors,
            ask(engine, "embed", {"red dog cat"}, R"({"prompt":""})").vectors);
}

// The llm plugin serves those.
TEST_F(BeiFolder, ALanguageModelIsNoEmbedder) {
  copy("qwen3");
  fs::remove(folder_ / "modules.json");
  expect_refused(Code::unimplemented, "language model");
}

// A folder without modules is pooled by the mean, and not normalised.
TEST_F(BeiFolder, WithoutModules) {
  copy("xlm-roberta");
  fs::remove(folder_ / "modules.json");
  const auto opened = open_model_folder(folder_, 0);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(opened->description.pooling, Pooling::mean);
  EXPECT_FALSE(opened->modules.normalize);
}

TEST_F(BeiFolder, TheLongestInput) {
  EXPECT_EQ(open_model_folder(golden_path("bert"), 0)->max_tokens, 50);
  EXPECT_EQ(open_model_folder(golden_path("bert"), 64)->max_tokens, 64);
  EXPECT_EQ(open_model_folder(golden_path("bert"), 20)->max_tokens, 20);
  const auto more = open_model_folder(golden_path("bert"), 65);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().param, "max_input_tokens");
  EXPECT_EQ(open_model_folder(golden_path("mpnet-classes"), 0)->max_tokens, 64);
  copy("mpnet-classes");
  write("tokenizer_config.json", R"({"model_max_length":32})");
  EXPECT_EQ(open_model_folder(folder_, 0)->max_tokens, 32);
  write("tokenizer_config.json", R"({"model_max_length":1000000000000000019884624838656})");
  EXPECT_EQ(open_model_folder(folder_, 0)->max_tokens, 64);
}

TEST(BeiPlan, StatesMoreWhereMoreIsUsed) {
  const auto bytes = [](const BeiConfig& config) {
    return LoadedModel::plan(golden_path("bert"), config)->bytes;
  };
  BeiConfig config = with_precision(Precision::f32);
  const std::size_t plain = bytes(config);
  EXPECT_GT(plain, 10'000u);
  config.cache_mib = 7;
  EXPECT_EQ(bytes(config), plain + (7u << 20));
  config.tokens_per_step = 65536;
  EXPECT_GT(bytes(config), plain + 65536u * 32 * 4 * 4);
}

TEST(BeiConfigKeys, AreCheckedByName) {
  const auto config = parse_config(
      R"({"threads":3,"dtype":"bf16","tokens_per_step":4096,"max_items":7,"cache_mib":1})");
  ASSERT_TRUE(config.ok());
  EXPECT_FALSE(config->auto_precision);
  EXPECT_EQ(config->precision, Precision::bf16);
  EXPECT_EQ(config->tokens_per_step, 4096);
  EXPECT_TRUE(parse_config("{}")->auto_precision);
  for (const char* key : {"threads", "tokenizer_threads", "dtype", "tokens_per_step",
                          "max_input_tokens", "max_items", "requests", "cache_mib", "other"}) {
    const auto wrong = parse_config(std::string("{\"") + key + "\":-1}");
    ASSERT_FALSE(wrong.ok()) << key;
    EXPECT_EQ(wrong.error().param, key);
  }
  EXPECT_EQ(parse_config(R"({"dtype":"f64"})").error().param, "dtype");
  EXPECT_TRUE(parse_json(config_schema()).ok());
}

}  // namespace
}  // namespace serval::bei
