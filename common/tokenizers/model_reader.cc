// The "model" of a tokenizer.json.
#include "common/formats/quoted_name.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {
namespace {

// Files of the first versions name no type.
std::string_view type_of(const Component& model) {
  if (!model.type().empty() || model.member("type") != nullptr) return model.type();
  if (model.member("merges") != nullptr) return "BPE";
  if (model.member("continuing_subword_prefix") != nullptr) return "WordPiece";
  if (model.member("unk_id") != nullptr) return "Unigram";
  return "WordLevel";
}

Result<ModelTokens> read_row(const Component& model, const json::array& vocab) {
  ModelTokens out;
  if (int64_t(vocab.size()) > kMostTokens) return model.bad("its vocab is too large");
  for (const json::value& item : vocab) {
    if (!item.is_array() || item.get_array().size() != 2 || !item.get_array()[0].is_string())
      return model.bad("token " + std::to_string(out.texts.size()) + " is no text with a score");
    out.texts.push_back(item.get_array()[0].get_string());
  }
  out.known.assign(out.texts.size(), true);
  return out;
}

Result<ModelTokens> read_object(const Component& model, const json::object& vocab) {
  ModelTokens out;
  // A few ids may be missing, not most of them.
  const auto most = int64_t(vocab.size()) * 2 + 1024;
  for (const auto& [text, id] : vocab) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= std::min(most, kMostTokens))
      return model.bad("token " + quoted_name(text) + " has an impossible id");
    const auto index = std::size_t(id.get_int64());
    if (index >= out.texts.size()) {
      out.texts.resize(index + 1);
      out.known.resize(index + 1);
    }
    if (out.known[index])
      return model.bad("tokens " + quoted_name(out.texts[index]) + " and " + quoted_name(text) +
                       " have the same id");
    out.texts[index] = text;
    out.known[index] = true;
  }
  return out;
}

}  // namespace

Result<ModelTokens> read_model_tokens(Component& model) {
  if (!model.status()) return model.status().error();
  const json::value* vocab = model.member("vocab");
  if (vocab != nullptr && vocab->is_array()) return read_row(model, vocab->get_array());
  if (vocab != nullptr && vocab->is_object()) return read_object(model, vocab->get_object());
  return model.bad("has no vocab");
}

MadeModel read_model(Component model, const Vocabulary& vocabulary, bool byte_level) {
  const std::string_view type = type_of(model);
  const bool row = model.member("vocab") != nullptr && model.member("vocab")->is_array();
  if (type == "BPE" || type == "WordPiece" || type == "WordLevel" || type == "Unigram") {
    if (row != (type == "Unigram")) return model.bad("its vocab is not that of its type");
    if (byte_level && type != "BPE")
      return model.unsupported("ByteLevel before a model of type " + quoted_name(type));
  }
  if (type == "BPE") return read_bpe(model, vocabulary, byte_level);
  if (type == "WordPiece") return read_word_piece(model, vocabulary);
  if (type == "WordLevel") return read_word_level(model, vocabulary);
  if (type == "Unigram") return read_unigram(model);
  return model.unsupported("a model of type " + quoted_name(type));
}

}  // namespace serval::tok
