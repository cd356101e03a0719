// CTranslate2 folders whose parts do not fit: each is refused by name.
#include <map>
#include <unistd.h>

#include "tests/plugins/whisper/model/test_speech.h"

namespace serval::whisper {
namespace {

struct Variable {
  std::vector<uint32_t> shape;
  uint8_t type = 0;  // f32
  std::string data = {};
};
using Variables = std::map<std::string, Variable>;

template <class T>
std::string bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text(const std::string& value) {
  return bytes(uint16_t(value.size() + 1)) + value + '\0';
}

constexpr uint32_t kHidden = 32, kMels = 5, kVocab = 20, kInner = 24;

void linear(Variables& v, const std::string& name, uint32_t n, uint32_t k) {
  v[name + "/weight"] = {{n, k}};
  v[name + "/bias"] = {{n}};
}
void norm(Variables& v, const std::string& name) {
  v[name + "/gamma"] = v[name + "/beta"] = {{kHidden}};
}

Variables small_model() {
  Variables v;
  v["encoder/conv1/weight"] = {{kHidden, kMels, 3}};
  v["encoder/conv2/weight"] = {{kHidden, kHidden, 3}};
  v["encoder/conv1/bias"] = v["encoder/conv2/bias"] = {{kHidden}};
  v["encoder/position_encodings/encodings"] = {{32, kHidden}};
  v["decoder/position_encodings/encodings"] = {{16, kHidden}};
  v["decoder/embeddings/weight"] = {{kVocab, kHidden}};
  for (const std::string side : {"encoder", "decoder"}) {
    norm(v, side + "/layer_norm");
    const std::string layer = side + "/layer_0/";
    norm(v, layer + "self_attention/layer_norm");
    linear(v, layer + "self_attention/linear_0", 3 * kHidden, kHidden);
    linear(v, layer + "self_attention/linear_1", kHidden, kHidden);
    norm(v, layer + "ffn/layer_norm");
    linear(v, layer + "ffn/linear_0", kInner, kHidden);
    linear(v, layer + "ffn/linear_1", kHidden, kInner);
    v[side + "/num_heads"] = {{}, 2, bytes(uint16_t{2})};
    v[side + "/pre_norm"] = {{}, 1, bytes(uint8_t{1})};
  }
  norm(v, "decoder/layer_0/attention/layer_norm");
  linear(v, "decoder/layer_0/attention/linear_0", kHidden, kHidden);
  linear(v, "decoder/layer_0/attention/linear_1", 2 * kHidden, kHidden);
  linear(v, "decoder/layer_0/attention/linear_2", kHidden, kHidden);
  return v;
}

std::string model_bin(const Variables& variables, const std::string& spec = "WhisperSpec") {
  std::string out =
      bytes(uint32_t{6}) + text(spec) + bytes(uint32_t{3}) + bytes(uint32_t(variables.size()));
  for (const auto& [name, variable] : variables) {
    out += text(name) + char(variable.shape.size());
    std::size_t elements = 1;
    for (const uint32_t side : variable.shape) {
      out += bytes(side);
      elements *= side;
    }
    const std::size_t width[] = {4, 1, 2, 4, 2, 2};
    std::string data = variable.data;
    data.resize(elements * width[variable.type]);
    out += char(variable.type) + bytes(uint32_t(data.size())) + data;
  }
  return out + bytes(uint32_t{1}) + text("decoder/projection/weight") +
         text("decoder/embeddings/weight");
}

class WhisperFolder : public testing::Test {
 protected:
  WhisperFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "whisper_folder_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    put("config.json", R"({"suppress_ids":[1,999],"alignment_heads":[[0,1]]})");
  }
  ~WhisperFolder() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  Result<std::unique_ptr<SpeechModel>> load_it() {
    return SpeechModel::load(folder_, options_of(DenseType::int8), test_ops(), pool_, {});
  }
  void refuses(const Variables& variables, const char* word) {
    put("model.bin", model_bin(variables));
    const auto model = load_it();
    ASSERT_FALSE(model.ok()) << word;
    EXPECT_NE(model.error().message.find(word), std::string::npos) << model.error().message;
  }

  std::filesystem::path folder_;
  ThreadPool pool_{1};
};

TEST_F(WhisperFolder, SmallModelLoads) {
  put("model.bin", model_bin(small_model()));
  const auto model = load_it();
  ASSERT_TRUE(model.ok()) << model.error().message;
  const SpeechShape& s = (*model)->shape();
  EXPECT_EQ(s.mels, int(kMels));
  EXPECT_EQ(s.heads, 2);
  EXPECT_EQ(s.decoder_ff, int(kInner));
  EXPECT_EQ(s.audio_states, 32);
  EXPECT_EQ((*model)->config().suppress_ids, (std::vector<int>{1}));
  const auto plan = SpeechModel::plan(folder_, options_of(DenseType::int8), test_ops(), 1);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_GT(plan->weights, 20'000u);
  EXPECT_GT(plan->memory, 0u);
}

// A weight in whole numbers, each row (int8) or all of it (int16) with a scale.
Variables scaled_model(uint8_t type, const std::string& scale_of_a_row) {
  Variables v = small_model();
  const std::string name = "decoder/layer_0/ffn/linear_0/weight";
  v[name].type = type;
  Variable& scale = v[name + "_scale"];
  if (type == 1) scale.shape = {kInner};
  for (uint32_t i = 0; i < (type == 1 ? kInner : 1); ++i) scale.data += scale_of_a_row;
  return v;
}

TEST_F(WhisperFolder, WholeNumbersWantScales) {
  for (const uint8_t type : {uint8_t{1}, uint8_t{2}}) {
    put("model.bin", model_bin(scaled_model(type, bytes(2.0f))));
    EXPECT_TRUE(load_it().ok());
    refuses(scaled_model(type, bytes(0.0f)), "linear_0/weight_scale\" has a scale of 0");
    refuses(scaled_model(type, bytes(INFINITY)), "has a scale of inf");
    Variables v = scaled_model(type, bytes(2.0f));
    v["decoder/layer_0/ffn/linear_0/weight_scale"].shape = {3};
    refuses(v, "linear_0/weight_scale\" has shape [3]");
    v = scaled_model(type, bytes(2.0f));
    v["decoder/layer_0/ffn/linear_0/weight_scale"].type = 1;  // a scale that wants one itself
    refuses(v, "floats that scale them");
    v.erase("decoder/layer_0/ffn/linear_0/weight_scale");
    refuses(v, "floats that scale them");
  }
}

TEST_F(WhisperFolder, PartsThatDoNotFitAreNamed) {
  const Variables good = small_model();
  const auto with = [&](const std::string& name, Variable variable) {
    Variables v = good;
    v[name] = std::move(variable);
    return v;
  };
  for (const auto& [name, variable] : good) {  // none may be missing but those with one meaning
    if (name.ends_with("pre_norm")) continue;
    Variables v = good;
    v.erase(name);
    if (name == "decoder/embeddings/weight") continue;  // the alias would name nothing
    const bool first = name.find("layer_0/self_attention/linear_0/weight") != std::string::npos;
    refuses(v, first ? "layers is 0" : name.c_str());
    if (variable.shape.empty()) continue;
    Variable longer = variable;
    longer.shape.back() += 1;
    const bool sized = name.ends_with("conv1/weight") || name.ends_with("encodings");
    if (!sized) refuses(with(name, longer), name.c_str());
  }
  refuses(with("encoder/conv1/weight", {{kHidden, kMels}}), "want 3 sides");
  refuses(with("encoder/conv1/weight", {{kHidden, kMels, 4}}), "conv1/weight");
  refuses(with("encoder/conv1/weight", {{40, kMels, 3}}), "hidden size is 40");
  refuses(with("encoder/num_heads", {{}, 2, bytes(uint16_t{4})}), "4 and 2 heads");
  refuses(with("encoder/num_heads", {{}, 0, bytes(2.0f)}), "whole number");
  refuses(with("encoder/position_encodings/encodings", {{5000, kHidden}}), "audio states is 5000");
  refuses(with("encoder/conv2/bias", {{kHidden}, 1}), "int8");
  refuses(with("decoder/pre_norm", {{}, 1, bytes(uint8_t{0})}), "pre_norm is 0");
  refuses(with("decoder/activation", {{}, 1, bytes(uint8_t{2})}), "activation is 2");
  refuses(with("decoder/extra", {{3}}), "decoder/extra");
  refuses(with("encoder/layer_1/ffn/linear_0/weight", {{3}}), "encoder/layer_1/ffn");
  Variables heads = with("encoder/num_heads", {{}, 2, bytes(int16_t{-3})});
  heads["decoder/num_heads"] = heads["encoder/num_heads"];
  refuses(heads, "heads is -3");
  heads["encoder/num_heads"] = heads["decoder/num_heads"] = {{}, 2, bytes(uint16_t{32})};
  refuses(heads, "32 heads");

  put("model.bin", model_bin(good, "TransformerSpec"));
  auto model = load_it();
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().message.find("TransformerSpec"), std::string::npos);
  put("model.bin", model_bin(good).substr(0, 5000));
  model = load_it();
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, Code::data_loss);
  put("model.bin", model_bin(good));
  for (const char* config : {R"({"alignment_heads":[[1,0]]})", R"({"alignment_heads":[[0,2]]})",
                             R"({"alignment_heads":[0]})", R"({"alignment_heads":5})"}) {
    put("config.json", config);
    model = load_it();
    ASSERT_FALSE(model.ok()) << config;
    EXPECT_NE(model.error().message.find("alignment_heads"), std::string::npos);
  }
  put("config.json", R"({"suppress_ids":"x"})");
  EXPECT_FALSE(load_it().ok());
  std::filesystem::remove(folder_ / "config.json");
  EXPECT_FALSE(load_it().ok());
}

TEST_F(WhisperFolder, LoadingMayBeCancelled) {
  put("model.bin", model_bin(small_model()));
  const auto model = SpeechModel::load(folder_, options_of(DenseType::f32), test_ops(), pool_,
                                       [](int) { return false; });
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, Code::cancelled);
}

}  // namespace
}  // namespace serval::whisper
