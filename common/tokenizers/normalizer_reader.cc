// The "normalizer" of a tokenizer.json.
#include "common/formats/quoted_name.h"
#include "common/tokenizers/charsmap.h"
#include "common/tokenizers/normalizers.h"

namespace serval::tok {
namespace {

using Made = Result<std::unique_ptr<const Normalizer>>;

template <class T, class... Arguments>
Made made(Arguments&&... arguments) {
  return std::unique_ptr<const Normalizer>(new T(std::forward<Arguments>(arguments)...));
}

Made read_bert(Component& part) {
  BertRules rules{};
  rules.clean_text = part.flag("clean_text");
  rules.chinese_characters = part.flag("handle_chinese_chars");
  rules.lower_case = part.flag("lowercase");
  rules.strip_accents = part.flag("strip_accents", rules.lower_case);
  if (!part.status()) return part.status().error();
  return make_bert_normalizer(rules);
}

Made read_row(Component& part) {
  std::vector<std::unique_ptr<const Normalizer>> row;
  for (Component& item : part.list("normalizers")) {
    Made one = read_normalizer(std::move(item));
    if (!one) return one.error();
    if (*one != nullptr) row.push_back(std::move(*one));
  }
  if (!part.status()) return part.status().error();
  return made<NormalizerRow>(std::move(row));
}

Made read_replace(Component& part) {
  const std::string_view content = part.text("content");
  if (!part.status()) return part.status().error();
  Result<TextPattern> pattern = TextPattern::read(part);
  if (!pattern) return pattern.error();
  return made<Replace>(std::move(*pattern), content);
}

Made read_strip(Component& part) {
  const bool left = part.flag("strip_left"), right = part.flag("strip_right");
  if (!part.status()) return part.status().error();
  return made<StripNormalizer>(left, right);
}

Made read_prepend(Component& part) {
  const std::string_view text = part.text("prepend");
  if (!part.status()) return part.status().error();
  return made<Prepend>(text);
}

Made read_charsmap(Component& part) {
  // Files converted from models without a table have null there.
  const std::string_view encoded = part.text("precompiled_charsmap", "");
  if (!part.status()) return part.status().error();
  if (encoded.empty()) return made<NormalizerRow>(std::vector<std::unique_ptr<const Normalizer>>());
  return make_charsmap(encoded, part.where());
}

}  // namespace

Made read_normalizer(Component part) {
  if (!part.status()) return part.status().error();
  if (part.absent()) return std::unique_ptr<const Normalizer>();
  const std::string_view type = part.type();
  if (type == "BertNormalizer") return read_bert(part);
  if (type == "Sequence") return read_row(part);
  if (type == "NFC") return made<FormNormalizer>(UnicodeForm::nfc);
  if (type == "NFD") return made<FormNormalizer>(UnicodeForm::nfd);
  if (type == "NFKC") return made<FormNormalizer>(UnicodeForm::nfkc);
  if (type == "NFKD") return made<FormNormalizer>(UnicodeForm::nfkd);
  if (type == "Lowercase") return made<Lowercase>();
  if (type == "StripAccents") return made<StripAccents>();
  if (type == "Strip") return read_strip(part);
  if (type == "Nmt") return made<Nmt>();
  if (type == "Prepend") return read_prepend(part);
  if (type == "Replace") return read_replace(part);
  if (type == "Precompiled") return read_charsmap(part);
  return part.unsupported("normalizer " + quoted_name(type));
}

}  // namespace serval::tok
