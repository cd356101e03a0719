// What each operation answers, and what it refuses.
#include <cmath>

#include "plugins/bei/outputs.h"
#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

std::unique_ptr<LoadedModel> model(const char* name) {
  return load(golden_path(name), with_precision(Precision::f32));
}

float length(const std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += double(x) * x;
  return float(std::sqrt(squares));
}

TEST(BeiEmbed, NormalisesCutsAndPrompts) {
  const auto loaded = model("bert");
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const auto vector = [&](const std::string& text, const std::string& params) {
    const Outcome out = ask(engine, "embed", {text}, params);
    EXPECT_EQ(out.error.code, Code::ok) << out.error.message;
    return out.vectors.count(0) > 0 ? out.vectors.at(0) : std::vector<float>();
  };
  const std::vector<float> plain = vector("blue cat", "{}");
  EXPECT_EQ(plain.size(), 24u);  // its dense module's
  EXPECT_NEAR(length(plain), 1, 1e-6);
  const std::vector<float> raw = vector("blue cat", R"({"normalize":false})");
  EXPECT_GT(std::abs(length(raw) - 1), 1e-3);
  std::vector<float> first(raw.begin(), raw.begin() + 10);
  EXPECT_EQ(vector("blue cat", R"({"normalize":false,"dimensions":10})"), first);
  normalize(first);
  EXPECT_EQ(vector("blue cat", R"({"dimensions":10})"), first);
  EXPECT_EQ(vector("blue cat", R"({"prompt_name":"query"})"), vector("red dog blue cat", "{}"));
  EXPECT_EQ(vector("blue cat", R"({"prompt":"red dog "})"), vector("red dog blue cat", "{}"));
  EXPECT_EQ(vector("blue cat", "{}"), vector("blue cat", R"({"prompt":""})"));
}

TEST(BeiEmbed, OneVectorAToken) {
  const auto loaded = model("bert");
  ASSERT_TRUE(loaded);
  const Outcome out =
      ask(loaded->engine(), "embed", {"blue cat"}, R"({"pooling":"none","normalize":false})");
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  EXPECT_EQ(out.vectors.at(0).size(), 4u * 32);
  EXPECT_EQ(out.meta.at(0), R"({"dtype":"f32","shape":[4,32],"tokens":4})");
}

TEST(BeiEmbed, SparseByTheHeadForWords) {
  const auto loaded = model("bert-words");
  ASSERT_TRUE(loaded);
  const Outcome out = ask(loaded->engine(), "embed", {"blue cat"}, R"({"pooling":"sparse"})");
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  const auto words = parse_json(out.texts.at(0));
  ASSERT_TRUE(words.ok() && words->is_array());
  ASSERT_FALSE(words->get_array().empty());
  int64_t last = -1;
  for (const json::value& word : words->get_array()) {
    EXPECT_GT(word.at("index").get_int64(), last);
    EXPECT_GT(word.at("value").to_number<double>(), 0);
    last = word.at("index").get_int64();
  }
  EXPECT_EQ(ask(model("bert")->engine(), "embed", {"a"}, R"({"pooling":"sparse"})").error.code,
            Code::unimplemented);
}

TEST(BeiEmbed, TokensAreTakenAsTheyAre) {
  const auto loaded = model("bert");
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const Outcome text = ask(engine, "embed", {"blue cat", "red"});
  const Outcome tokens = ask(engine, "embed", {}, R"({"token_ids":[[2,8,9,3],[2,7,3]]})");
  EXPECT_EQ(tokens.vectors, text.vectors);
  EXPECT_EQ(tokens.usage, text.usage);
}

TEST(BeiRerank, ByACrossEncoder) {
  const auto loaded = model("roberta-rerank");
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const Outcome raw =
      ask(engine, "rerank", {"red", "blue cat", "dog", "blue cat"}, R"({"raw_scores":true})");
  ASSERT_EQ(raw.error.code, Code::ok) << raw.error.message;
  ASSERT_EQ(raw.vectors.at(0).size(), 3u);
  EXPECT_EQ(raw.vectors.at(0)[0], raw.vectors.at(0)[2]);
  EXPECT_NE(raw.vectors.at(0)[0], raw.vectors.at(0)[1]);
  EXPECT_NE(raw.meta.at(0).find("\"shape\":[3]"), std::string::npos) << raw.meta.at(0);
  const Outcome scores = ask(engine, "rerank", {"red", "blue cat", "dog", "blue cat"});
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_FLOAT_EQ(scores.vectors.at(0)[i], sigmoid(raw.vectors.at(0)[i]));
  // A pair is the query, then the text: the same as the pair's classes.
  const Outcome pair =
      ask(engine, "classify", {"red", "blue cat"}, R"({"pairs":true,"raw_scores":true})");
  const auto label = parse_json(pair.texts.at(0));
  ASSERT_TRUE(label.ok());
  EXPECT_FLOAT_EQ(label->at(0).at("score").to_number<float>(), raw.vectors.at(0)[0]);
}

TEST(BeiRerank, ByEmbeddings) {
  const auto loaded = model("bert");
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const Outcome out = ask(engine, "rerank", {"cat", "blue cat", "cat", "the park."});
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  const std::vector<float> query =
      ask(engine, "embed", {"cat"}, R"({"prompt_name":"query"})").vectors.at(0);
  const Outcome texts =
      ask(engine, "embed", {"blue cat", "cat", "the park."}, R"({"prompt_name":"document"})");
  ASSERT_EQ(out.vectors.at(0).size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_NEAR(out.vectors.at(0)[std::size_t(i)], cosine(query, texts.vectors.at(i)), 1e-6);
}

TEST(BeiClassify, OneClassOfSeveral) {
  const auto loaded = model("bert-classes");
  ASSERT_TRUE(loaded);
  const Outcome out = ask(loaded->engine(), "classify", {"blue cat", "dog"});
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  for (const int i : {0, 1}) {
    const auto classes = parse_json(out.texts.at(i));
    ASSERT_TRUE(classes.ok());
    ASSERT_EQ(classes->get_array().size(), 3u);
    double sum = 0, last = 2;
    for (const json::value& entry : classes->get_array()) {
      const double score = entry.at("score").to_number<double>();
      EXPECT_LE(score, last);
      last = score;
      sum += score;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(BeiClassify, SeveralClassesAtOnce) {
  const auto loaded = model("distilbert-multi");
  ASSERT_TRUE(loaded);
  const auto scores = [&](const char* params) {
    const Outcome out = ask(loaded->engine(), "classify", {"blue cat"}, params);
    const auto classes = parse_json(out.texts.at(0));
    std::map<std::string, float> by_label;
    for (const json::value& entry : classes->get_array())
      by_label[std::string(entry.at("label").get_string())] = entry.at("score").to_number<float>();
    return by_label;
  };
  const auto raw = scores(R"({"raw_scores":true})");
  ASSERT_EQ(raw.size(), 3u);
  for (const auto& [label, score] : scores("{}")) EXPECT_NEAR(score, sigmoid(raw.at(label)), 1e-6);
}

TEST(BeiClassify, Reward) {
  const auto loaded = model("qwen3-reward");
  ASSERT_TRUE(loaded);
  const Outcome plain = ask(loaded->engine(), "classify", {"blue cat"});
  const Outcome raw = ask(loaded->engine(), "classify", {"blue cat"}, R"({"raw_scores":true})");
  EXPECT_EQ(plain.texts, raw.texts);
  EXPECT_EQ(parse_json(plain.texts.at(0))->get_array().size(), 1u);
}

TEST(BeiClassify, Tokens) {
  const auto loaded = model("bert-tokens");
  ASSERT_TRUE(loaded);
  const std::string text = "caf\xc3\xa9 cat runsing the dog";
  const Outcome out = ask(loaded->engine(), "classify", {text});
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  const auto entries = parse_json(out.texts.at(0));
  ASSERT_TRUE(entries.ok());
  ASSERT_FALSE(entries->get_array().empty());
  for (const json::value& entry : entries->get_array()) {
    EXPECT_NE(entry.at("label").get_string(), "O");
    const int64_t start = entry.at("start").get_int64(), end = entry.at("end").get_int64();
    ASSERT_LT(start, end);
    // Behind the one character of two bytes a code point is a byte later.
    const auto byte = [](int64_t point) { return std::size_t(point > 3 ? point + 1 : point); };
    EXPECT_EQ(entry.at("text").get_string(), text.substr(byte(start), byte(end) - byte(start)));
  }
}

TEST(BeiTokens, ThereAndBack) {
  const auto loaded = model("bert");
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const Outcome out = ask(engine, "tokenize", {"Blue cat"});
  ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
  EXPECT_EQ(out.texts.at(0), R"([{"id":2,"text":"[CLS]","special":true,"start":null,"stop":null},)"
                             R"({"id":8,"text":"blue","special":false,"start":0,"stop":4},)"
                             R"({"id":9,"text":"cat","special":false,"start":5,"stop":8},)"
                             R"({"id":3,"text":"[SEP]","special":true,"start":null,"stop":null}])");
  EXPECT_EQ(ask(engine, "tokenize", {"cat"}, R"({"add_special_tokens":false})").texts.at(0),
            R"([{"id":9,"text":"cat","special":false,"start":0,"stop":3}])");
  const Outcome back = ask(engine, "detokenize", {}, R"({"token_ids":[[2,8,9,3],[9]]})");
  EXPECT_NE(back.texts.at(0).find("blue"), std::string::npos);
  EXPECT_EQ(back.texts.at(0).find("[CLS]"), std::string::npos);
  EXPECT_EQ(back.texts.at(1), "cat");
  const Outcome whole =
      ask(engine, "detokenize", {}, R"({"token_ids":[[2,9]],"skip_special_tokens":false})");
  EXPECT_NE(whole.texts.at(0).find("[CLS]"), std::string::npos);
}

TEST(BeiDescribe, SaysWhatTheModelIs) {
  const auto describe = [](const char* name) {
    const auto loaded = model(name);
    return *parse_json(ask(loaded->engine(), "describe", {}).texts.at(0));
  };
  const json::value bert = describe("bert");
  EXPECT_EQ(bert.at("kind"), "embed");
  EXPECT_EQ(bert.at("pooling"), "cls");
  EXPECT_EQ(bert.at("max_input_tokens"), 50);
  EXPECT_EQ(bert.at("hidden_size"), 32);
  EXPECT_EQ(bert.at("dtype"), "f32");
  EXPECT_EQ(bert.at("prompts").get_array().size(), 2u);
  EXPECT_EQ(describe("bert-classes").at("kind"), "classify");
  EXPECT_EQ(describe("bert-classes").at("labels").get_array().size(), 3u);
  EXPECT_EQ(describe("bert-tokens").at("kind"), "token_classify");
  EXPECT_EQ(describe("roberta-rerank").at("kind"), "rerank");
  EXPECT_EQ(describe("qwen3-reward").at("kind"), "reward");
}

struct Refusal {
  const char* model;
  const char* op;
  std::vector<std::string> texts;
  const char* params;
  Code code;
  const char* word;   // of the message
  const char* param;  // the key at fault
};

TEST(BeiRefusals, NameWhatIsWrong) {
  const std::vector<std::string> a{"a"}, ab{"a", "b"}, none;
  const Refusal refusals[] = {
      {"bert", "classify", a, "{}", Code::unimplemented, "it makes embeddings", ""},
      {"bert-classes", "embed", a, "{}", Code::unimplemented, "classes of texts", ""},
      {"bert-classes", "rerank", ab, "{}", Code::unimplemented, "no reranker", ""},
      {"bert-tokens", "rerank", ab, "{}", Code::unimplemented, "classes of tokens", ""},
      {"bert", "sing", a, "{}", Code::unimplemented, "sing", ""},
      {"bert", "embed", none, "{}", Code::invalid_argument, "no text", "texts"},
      {"bert", "rerank", a, "{}", Code::invalid_argument, "at least one text", "texts"},
      {"bert", "embed", a, R"({"dimension":3})", Code::invalid_argument, "dimension", "dimension"},
      {"bert", "embed", a, R"({"dimensions":25})", Code::invalid_argument, "24", "dimensions"},
      {"bert", "embed", a, R"({"dimensions":0})", Code::invalid_argument, "dimensions",
       "dimensions"},
      {"bert", "embed", a, R"({"normalize":1})", Code::invalid_argument, "normalize", "normalize"},
      {"bert", "embed", a, R"({"pooling":"cls"})", Code::invalid_argument, "pooling", "pooling"},
      {"bert", "embed", a, R"({"pooling":"none","dimensions":3})", Code::invalid_argument,
       "one vector", "dimensions"},
      {"bert", "embed", a, R"({"prompt_name":"x"})", Code::invalid_argument, "document, query",
       "prompt_name"},
      {"bert", "embed", a, R"({"prompt_name":"query","prompt":"x"})", Code::invalid_argument,
       "only one", "prompt"},
      {"bert", "embed", a, R"({"truncation_side":"up"})", Code::invalid_argument, "right or left",
       "truncation_side"},
      {"bert", "embed", a, R"({"token_ids":[[1]]})", Code::invalid_argument, "either", "token_ids"},
      {"bert", "embed", none, R"({"token_ids":[[72]]})", Code::invalid_argument, "71", "token_ids"},
      {"bert", "embed", none, R"({"token_ids":[[1],[]]})", Code::invalid_argument, "input 1",
       "texts"},
      {"bert", "embed", none, R"({"token_ids":[]})", Code::invalid_argument, "no text",
       "token_ids"},
      {"bert", "embed", a, "[]", Code::invalid_argument, "object", ""},
      {"bert", "embed", a, R"({"raw_scores":true})", Code::invalid_argument, "raw_scores",
       "raw_scores"},
      {"bert-classes", "classify", a, R"({"pairs":true})", Code::invalid_argument, "even", "pairs"},
      {"bert-tokens", "classify", ab, R"({"pairs":true})", Code::invalid_argument, "pairs",
       "pairs"},
      {"bert", "detokenize", none, "{}", Code::invalid_argument, "token_ids", "token_ids"},
      {"bert", "describe", a, "{}", Code::invalid_argument, "no texts", ""},
  };
  std::map<std::string, std::unique_ptr<LoadedModel>> models;
  for (const Refusal& r : refusals) {
    auto& loaded = models[r.model];
    if (!loaded) loaded = model(r.model);
    const Outcome out = ask(loaded->engine(), r.op, r.texts, r.params);
    const std::string which = std::string(r.model) + " " + r.op + " " + r.params;
    EXPECT_EQ(out.error.code, r.code) << which << ": " << out.error.message;
    EXPECT_NE(out.error.message.find(r.word), std::string::npos)
        << which << ": " << out.error.message;
    EXPECT_EQ(out.error.param, r.param) << which;
  }
  BeiConfig few = with_precision(Precision::f32);
  few.max_items = 2;
  const auto loaded = load(golden_path("bert"), few);
  EXPECT_EQ(ask(loaded->engine(), "embed", {"a", "b", "c"}).error.code, Code::out_of_range);
  EXPECT_EQ(ask(loaded->engine(), "rerank", {"a", "b", "c"}).error.code, Code::ok);
}

}  // namespace
}  // namespace serval::bei
