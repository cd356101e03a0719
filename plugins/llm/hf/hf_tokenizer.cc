// tokenizer.json and its neighbours under the names of GGUF's metadata: byte-level BPE only.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "common/formats/quoted_name.h"
#include "common/formats/token.h"
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTokenizerBytes = std::size_t(256) << 20;
constexpr std::size_t kMostBytes = std::size_t(16) << 20;
constexpr int64_t kMostTokens = 1 << 22;

// The expressions that published files have, as they stand there.
struct Expression {
  std::string_view regex, name;
};
constexpr Expression kExpressions[] = {
    {R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re", "gpt2"},
    {R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
     "qwen2"},
    {R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
     "llama3"},
    {R"re(\p{N}{1,3})re", "numbers"},
    {"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", "cjk"},
    {R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
     "deepseek3"},
};

struct Rules {
  std::string_view steps;  // as steps_of() writes them
  const char* name;        // tokenizer.ggml.pre
  bool nfc;                // the normaliser these rules come with
  bool ignore_merges;      // a word that is a token is taken as it is
};
const Rules kRules[] = {
    {"bytes+words", "gpt-2", false, false},
    {"digits bytes+words", "smollm", false, false},
    {"split:gpt2 bytes", "gpt-2", false, false},
    {"split:qwen2 bytes", "qwen2", true, false},
    {"split:llama3 bytes", "llama-bpe", false, true},
    {"split:numbers split:cjk split:deepseek3 bytes", "deepseek-v3", false, false},
};

const json::value* member(const json::value* value, std::string_view key) {
  if (value == nullptr || !value->is_object()) return nullptr;
  const json::value* found = value->get_object().if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string_view text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

bool is(const json::value* value, bool wanted) {
  return value != nullptr && value->is_bool() && value->get_bool() == wanted;
}

// The items of a Sequence, or the one thing that is there; none if there is nothing.
std::vector<const json::value*> sequence(const json::value* value, std::string_view list) {
  if (value == nullptr) return {};
  if (text_of(member(value, "type")) != "Sequence") return {value};
  std::vector<const json::value*> out;
  if (const json::value* items = member(value, list); items != nullptr && items->is_array())
    for (const json::value& item : items->get_array()) out.push_back(&item);
  return out;
}

// One word a step of the pre-tokenizer; a step that is not known gives its type.
std::string steps_of(const json::value* pre_tokenizer) {
  std::string out;
  for (const json::value* step : sequence(pre_tokenizer, "pretokenizers")) {
    const std::string_view type = text_of(member(step, "type"));
    std::string word(type.substr(0, 64));
    if (type == "ByteLevel" && is(member(step, "add_prefix_space"), false))
      word = is(member(step, "use_regex"), false) ? "bytes" : "bytes+words";
    if (type == "Digits" && is(member(step, "individual_digits"), true)) word = "digits";
    if (type == "Split" && text_of(member(step, "behavior")) == "Isolated" &&
        !is(member(step, "invert"), true)) {
      const std::string_view pattern = text_of(member(member(step, "pattern"), "Regex"));
      word = "Split with an expression that is not known";
      for (const Expression& known : kExpressions)
        if (known.regex == pattern) word = "split:" + std::string(known.name);
    }
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

class TokenizerReader {
 public:
  TokenizerReader(const json::object& root, fs::path path, GgufBuilder& out)
      : root_(root), path_(std::move(path)), out_(out) {}

  Status read() {
    for (auto step : {&TokenizerReader::read_rules, &TokenizerReader::read_tokens,
                      &TokenizerReader::read_merges, &TokenizerReader::read_template})
      if (Status s = (this->*step)(); !s) return s;
    return {};
  }

  std::optional<int64_t> id_of(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  // Tokens that the post-processor puts at the ends; whether it says anything at all.
  std::string_view first, last;
  bool has_template = false;

 private:
  const json::value* at(std::string_view key) const {
    const json::value* found = root_.if_contains(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  Error bad(const std::string& what) const {
    return error(Code::data_loss, path_.string() + ": " + what);
  }
  Error refused(const std::string& what) const {
    return error(Code::unimplemented, path_.string() + ": " + what + " is not supported");
  }

  Status read_rules() {
    model_ = at("model");
    const std::string_view type = text_of(member(model_, "type"));
    if (type != "BPE") return refused("a tokenizer of type " + quoted_name(type));
    if (is(member(model_, "byte_fallback"), true)) return refused("BPE with byte_fallback");
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
      const json::value* value = member(model_, key);
      if (value != nullptr && *value != "") return refused(std::string("BPE with ") + key);
    }
    const std::string steps = steps_of(at("pre_tokenizer"));
    std::string normaliser;
    for (const json::value* item : sequence(at("normalizer"), "normalizers"))
      normaliser += std::string(text_of(member(item, "type")).substr(0, 64));
    const bool ignore = is(member(model_, "ignore_merges"), true);
    for (const Rules& rules : kRules) {
      if (rules.steps != steps) continue;
      if (normaliser != (rules.nfc ? "NFC" : ""))
        return refused("normaliser \"" + normaliser + "\" with pre-tokenizer " + rules.name);
      if (ignore != rules.ignore_merges)
        return refused(std::string("ignore_merges ") + (ignore ? "true" : "false") +
                       " with pre-tokenizer " + rules.name);
      out_.add("tokenizer.ggml.model", "gpt2");
      out_.add("tokenizer.ggml.pre", rules.name);
      return {};
    }
    return refused("pre-tokenizer \"" + steps + "\"");
  }

  Status place(std::string_view token, const json::value* id, TokenKind kind) {
    const int64_t number = id != nullptr && id->is_int64() ? id->get_int64() : -1;
    if (number < 0 || number >= kMostTokens)
      return bad("token " + quoted_name(token) + " has an impossible id");
    const auto index = std::size_t(number);
    if (index >= texts_.size()) {
      texts_.resize(index + 1);
      kinds_.resize(index + 1, 0);
    }
    if (kinds_[index] != 0 && texts_[index] != token)
      return bad("tokens " + quoted_name(texts_[index]) + " and " + quoted_name(token) +
                 " have the same id");
    texts_[index] = token;
    kinds_[index] = int32_t(kind);
    ids_[token] = number;
    return {};
  }

  Status read_tokens() {
    const json::value* vocab = member(model_, "vocab");
    if (vocab == nullptr || !vocab->is_object()) return bad("has no model.vocab");
    for (const auto& [token, id] : vocab->get_object())
      if (Status s = place(token, &id, TokenKind::normal); !s) return s;
    if (const json::value* added = at("added_tokens"); added != nullptr && added->is_array())
      for (const json::value& token : added->get_array()) {
        const std::string_view content = text_of(member(&token, "content"));
        if (content.empty()) return bad("has an added token without content");
        for (const char* key : {"lstrip", "rstrip", "single_word"})
          if (is(member(&token, key), true))
            return refused("added token " + quoted_name(content) + " with " + key);
        const bool special = is(member(&token, "special"), true);
        if (Status s = place(content, member(&token, "id"),
                             special ? TokenKind::control : TokenKind::user_defined);
            !s)
          return s;
      }
    // Ids between that no token has; the names are those that GGUF's converters give.
    std::vector<std::string> pads(texts_.size());
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (kinds_[i] != 0) continue;
      pads[i] = "[PAD" + std::to_string(i) + "]";
      texts_[i] = pads[i];
      kinds_[i] = int32_t(TokenKind::unused);
    }
    if (std::size_t(std::count(kinds_.begin(), kinds_.end(), int32_t(TokenKind::unused))) >
        ids_.size())
      return bad("leaves most ids without a token");
    out_.add("tokenizer.ggml.tokens", std::span<const std::string_view>(texts_));
    out_.add("tokenizer.ggml.token_type", std::span<const int32_t>(kinds_));
    return {};
  }

  // "left right", or, in newer files, ["left", "right"].
  Status read_merges() {
    const json::value* merges = member(model_, "merges");
    if (merges == nullptr || !merges->is_array()) return bad("has no model.merges");
    std::vector<std::string> joined;
    joined.reserve(merges->get_array().size());
    for (const json::value& merge : merges->get_array()) {
      if (merge.is_string()) {
        joined.emplace_back(merge.get_string());
      } else if (merge.is_array() && merge.get_array().size() == 2 &&
                 merge.get_array()[0].is_string() && merge.get_array()[1].is_string()) {
        joined.push_back(std::string(merge.get_array()[0].get_string()) + " " +
                         std::string(merge.get_array()[1].get_string()));
      } else {
        return bad("has a merge that is not two tokens");
      }
    }
    const std::vector<std::string_view> views(joined.begin(), joined.end());
    out_.add("tokenizer.ggml.merges", std::span<const std::string_view>(views));
    return {};
  }

  Status read_template() {
    for (const json::value* step : sequence(at("post_processor"), "processors")) {
      const std::string_view type = text_of(member(step, "type"));
      if (type == "ByteLevel") continue;  // moves offsets only
      if (type != "TemplateProcessing" || has_template)
        return refused("post-processor " + quoted_name(type));
      has_template = true;
      const json::value* single = member(step, "single");
      if (single == nullptr || !single->is_array()) return bad("has a template without single");
      bool text = false;
      for (const json::value& piece : single->get_array()) {
        const std::string_view special = text_of(member(member(&piece, "SpecialToken"), "id"));
        std::string_view& side = text ? last : first;
        if (special.empty() ? text : !side.empty()) return refused("its post-processor's template");
        if (special.empty())
          text = true;
        else
          side = special;
      }
    }
    return {};
  }

  const json::object& root_;
  const fs::path path_;
  GgufBuilder& out_;
  const json::value* model_ = nullptr;
  std::vector<std::string_view> texts_;
  std::vector<int32_t> kinds_;  // TokenKind, 0: no such token yet
  std::unordered_map<std::string_view, int64_t> ids_;
};

// A token's text, given plainly or as an object with `content`.
std::string_view token_text(const json::value* value) {
  const std::string_view plain = text_of(value);
  return plain.empty() ? text_of(member(value, "content")) : plain;
}

Status add_ends(const fs::path& folder, HfJson& config, HfJson& settings,
                const TokenizerReader& tokens, GgufBuilder& out) {
  const auto named = [&](std::string_view key, std::string_view fallback) {
    const std::string_view text = token_text(settings.value(key));
    std::optional<int64_t> id = text.empty() ? std::nullopt : tokens.id_of(text);
    const std::vector<int64_t> ids = config.integers(fallback);
    if (!id && !ids.empty()) id = ids[0];
    return id;
  };
  const std::optional<int64_t> bos = named("bos_token", "bos_token_id");
  const std::optional<int64_t> eos = named("eos_token", "eos_token_id");
  if (bos) out.add("tokenizer.ggml.bos_token_id", *bos);

  // Everything that ends an answer: GGUF has a name for each of three.
  std::vector<int64_t> ends;
  if (eos) ends.push_back(*eos);
  std::vector<int64_t> more = config.integers("eos_token_id");
  const fs::path generation = folder / "generation_config.json";
  if (std::error_code ec; fs::exists(generation, ec)) {
    const Result<json::object> object = read_json_file(generation, kMostBytes);
    if (!object) return object.error();
    HfJson reader(*object, generation);
    for (const int64_t id : reader.integers("eos_token_id")) more.push_back(id);
    if (!reader.status()) return reader.status();
  }
  for (const int64_t id : more)
    if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
  constexpr const char* kNames[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                    "tokenizer.ggml.eom_token_id"};
  if (ends.size() > std::size(kNames))
    return error(Code::unimplemented, folder.string() + ": has " + std::to_string(ends.size()) +
                                          " end tokens, want at most 3");
  for (std::size_t i = 0; i < ends.size(); ++i) out.add(kNames[i], ends[i]);

  bool add_bos = settings.boolean("add_bos_token", false);
  bool add_eos = settings.boolean("add_eos_token", false);
  if (tokens.has_template) {
    add_bos = !tokens.first.empty();
    add_eos = !tokens.last.empty();
    if ((add_bos && tokens.id_of(tokens.first) != bos) ||
        (add_eos && tokens.id_of(tokens.last) != eos))
      return error(Code::unimplemented, folder.string() +
                                            ": tokenizer.json adds other tokens than bos_token and "
                                            "eos_token");
  }
  out.add("tokenizer.ggml.add_bos_token", add_bos);
  out.add("tokenizer.ggml.add_eos_token", add_eos);
  return config.status().ok() ? settings.status() : config.status();
}

// chat_template.jinja, or else what tokenizer_config.json has: a text, or a list of named ones.
Status add_chat_template(const fs::path& folder, HfJson& settings, GgufBuilder& out) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  const fs::path own = folder / "chat_template.jinja";
  if (std::error_code ec; fs::exists(own, ec)) {
    const Result<MappedFile> file = MappedFile::open(own);
    if (!file) return file.error();
    const auto bytes = file->bytes();
    if (bytes.size() > kMostBytes) return invalid(own.string() + ": is too large");
    out.add(kKey, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return {};
  }
  const json::value* found = settings.value("chat_template");
  if (found == nullptr) return {};
  if (found->is_string()) {
    out.add(kKey, std::string_view(found->get_string()));
    return {};
  }
  if (found->is_array())
    for (const json::value& item : found->get_array())
      if (text_of(member(&item, "name")) == "default") {
        out.add(kKey, text_of(member(&item, "template")));
        return {};
      }
  settings.wrong("chat_template", "a text, or a list in which one is named default");
  return settings.status();
}

}  // namespace

Status add_hf_tokenizer(const fs::path& folder, HfJson& config, GgufBuilder& out) {
  const fs::path path = folder / "tokenizer.json";
  const Result<json::object> root = read_json_file(path, kMostTokenizerBytes);
  if (!root) return root.error();
  TokenizerReader tokens(*root, path, out);
  if (Status s = tokens.read(); !s) return s;

  const fs::path settings_path = folder / "tokenizer_config.json";
  json::object object;
  if (std::error_code ec; fs::exists(settings_path, ec)) {
    Result<json::object> read = read_json_file(settings_path, kMostBytes);
    if (!read) return read.error();
    object = std::move(*read);
  }
  HfJson settings(object, settings_path);
  if (Status s = add_ends(folder, config, settings, tokens, out); !s) return s;
  return add_chat_template(folder, settings, out);
}

}  // namespace serval::llm
