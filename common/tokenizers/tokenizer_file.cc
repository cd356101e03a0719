#include <algorithm>

#include "common/formats/quoted_name.h"
#include "common/tokenizers/char_traits.h"
#include "common/tokenizers/tokenizer_parts.h"

namespace serval::tok {
namespace {

Result<Vocabulary> build_vocabulary(const ModelTokens& tokens, std::size_t of_model,
                                    const AddedTokens& added, const std::string& name) {
  std::vector<TokenKind> kinds(tokens.texts.size(), TokenKind::unused);
  for (std::size_t id = 0; id < of_model; ++id)
    if (tokens.known[id]) kinds[id] = TokenKind::normal;
  for (const AddedToken& token : added.list()) {
    TokenKind& kind = kinds[std::size_t(token.id)];
    if (kind != TokenKind::normal)
      kind = token.special ? TokenKind::control : TokenKind::user_defined;
  }
  Result<Vocabulary> out = Vocabulary::build(tokens.texts, std::move(kinds), Spelling::plain);
  if (!out) return error(Code::data_loss, name + ": " + out.error().message);
  return out;
}

bool is_local(const TokenizerParts& parts) {
  bool cuts = false;
  for (const auto& step : parts.pre_tokenizer.steps) {
    cuts = cuts || step->cuts_at_spaces();
    if (!step->is_local()) return false;
  }
  return cuts && parts.added.is_local() &&
         (parts.normalizer == nullptr || parts.normalizer->is_local());
}

}  // namespace

SpacesAround spaces_around(std::string_view token) {
  constexpr char32_t kSpaceOfAlphabet = 0x120;
  const CharTraits& traits = CharTraits::instance();
  SpacesAround out;
  bool only = true;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t code = next_char(token, at);
    const bool space = code == kSpaceOfAlphabet || (traits.of(code) & kWhite) != 0;
    only = only && space;
    out.leading += only;
    out.trailing = space ? out.trailing + 1 : 0;
  }
  return out;
}

Result<std::unique_ptr<const TokenizerParts>> read_tokenizer(const json::value& file,
                                                             const std::string& name) {
  Component root(&file, name);
  const auto part = [&](const char* key) { return Component(root.member(key), name + ": " + key); };
  if (root.absent()) return error(Code::data_loss, name + ": is no object");
  if (const std::string_view version = root.text("version", "1.0"); version != "1.0")
    return root.unsupported("version " + quoted_name(version));
  if (!root.status()) return root.status().error();
  auto out = std::make_unique<TokenizerParts>();

  auto normalizer = read_normalizer(part("normalizer"));
  if (!normalizer) return normalizer.error();
  out->normalizer = std::move(*normalizer);

  Component model = part("model");
  Result<ModelTokens> tokens = read_model_tokens(model);
  if (!tokens) return tokens.error();
  const std::size_t of_model = tokens->texts.size();
  Result<AddedTokens> added = AddedTokens::read(root, *tokens, out->normalizer.get());
  if (!added) return added.error();
  out->added = std::move(*added);
  Result<Vocabulary> vocabulary = build_vocabulary(*tokens, of_model, out->added, name);
  if (!vocabulary) return vocabulary.error();
  out->vocabulary = std::move(*vocabulary);

  Result<PreTokenizerPart> pre_tokenizer = read_pre_tokenizer(part("pre_tokenizer"));
  if (!pre_tokenizer) return pre_tokenizer.error();
  out->pre_tokenizer = std::move(*pre_tokenizer);
  MadeModel made = read_model(model, out->vocabulary, out->pre_tokenizer.byte_level);
  if (!made) return made.error();
  out->model = std::move(*made);

  Result<PostProcessor> post = read_post_processor(part("post_processor"), out->vocabulary.size());
  if (!post) return post.error();
  out->post_processor = std::move(*post);
  Result<Decoder> decoder = read_decoder(part("decoder"));
  if (!decoder) return decoder.error();
  out->decoder = std::move(*decoder);

  if (out->post_processor.trim_offsets)
    for (TokenId id = 0; id < out->vocabulary.size(); ++id)
      out->spaces.push_back(spaces_around(out->vocabulary.bytes(id)));
  out->is_local = is_local(*out);
  return std::unique_ptr<const TokenizerParts>(std::move(out));
}

}  // namespace serval::tok
