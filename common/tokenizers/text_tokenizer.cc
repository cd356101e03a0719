#include "common/tokenizers/text_tokenizer.h"

#include <algorithm>

#include "common/mapped_file.h"
#include "common/tokenizers/char_offsets.h"
#include "common/tokenizers/text_row.h"
#include "common/utf8.h"

namespace serval {

struct TextTokenizer::Parts {
  std::unique_ptr<const tok::TokenizerParts> read;
};

namespace {

using tok::FramePart;
using tok::TextRow;
using tok::TokenizerParts;

constexpr std::size_t kMostFileBytes = std::size_t(128) << 20;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Result<json::value> read_json(const std::filesystem::path& path) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  if (file->bytes().size() > kMostFileBytes)
    return error(Code::data_loss, path.string() + ": is too large");
  Result<json::value> value = parse_json(text_of(*file));
  if (!value) return error(Code::data_loss, path.string() + ": " + value.error().message);
  return value;
}

// The text itself, or `replaced` with what is not UTF-8 mended.
std::string_view valid_text(std::string_view text, std::string& replaced) {
  if (is_valid_utf8(text)) return text;
  replaced = replace_invalid_utf8(text);
  return replaced;
}

// Leaves out the spaces a token begins or ends with.
TextSpan trimmed(const TokenizerParts& parts, const tok::SpacesAround& spaces, TextSpan span,
                 bool first) {
  uint32_t leading = spaces.leading;
  if ((first || span.begin == 0) && parts.post_processor.keep_first_space && leading == 1)
    leading = 0;
  span.begin = std::min(span.begin + leading, span.end);
  if (span.end >= spaces.trailing) span.end = std::max(span.end - spaces.trailing, span.begin);
  return span;
}

void append_row(const TokenizerParts& parts, const TextRow& row, std::string_view text,
                const FramePart& place, TextEncoding& out) {
  const tok::CharOffsets offsets(
      text.substr(0, row.tokens.empty() ? 0 : row.tokens.back().span.end));
  for (std::size_t i = 0; i < row.tokens.size(); ++i) {
    const tok::RowToken& token = row.tokens[i];
    TextSpan span{offsets.at(token.span.begin), offsets.at(token.span.end)};
    if (parts.post_processor.trim_offsets) span = trimmed(parts, token.spaces, span, i == 0);
    out.ids.push_back(token.id);
    out.offsets.push_back(span);
  }
  out.type_ids.resize(out.ids.size(), place.type_id);
  out.special.resize(out.ids.size(), 0);
  out.sequences.resize(out.ids.size(), place.kind == FramePart::Kind::second_text);
}

// What is left for the texts.
std::size_t content_limit(const TextEncodeOptions& options, std::size_t special) {
  if (options.max_tokens == 0) return tok::kNoLimit;
  const std::size_t around = options.add_special ? special : 0;
  return options.max_tokens - std::min(options.max_tokens, around);
}

// `second` may be absent.
TextEncoding assemble(const TokenizerParts& parts, const tok::PostProcessor::Frame& frame,
                      const TextEncodeOptions& options, const TextRow& first,
                      std::string_view first_text, const TextRow& second,
                      std::string_view second_text) {
  TextEncoding out;
  out.truncated = first.more || second.more;
  const std::size_t most = first.tokens.size() + second.tokens.size() + frame.size();
  out.ids.reserve(most);
  out.offsets.reserve(most);
  for (const FramePart& part : frame) {
    if (part.kind == FramePart::Kind::first_text) {
      append_row(parts, first, first_text, part, out);
    } else if (part.kind == FramePart::Kind::second_text) {
      append_row(parts, second, second_text, part, out);
    } else if (options.add_special) {
      out.ids.push_back(part.id);
      out.offsets.emplace_back();
      out.type_ids.push_back(part.type_id);
      out.special.push_back(1);
      out.sequences.push_back(0);
    }
  }
  return out;
}

// Leaves `most` tokens of two rows: the longer one gives first, and if that is not enough both get
// half, the odd one going to the longer one.
void cut_longest(TextRow& first, TextRow& second, std::size_t most, TruncationSide side) {
  const auto length = [](const TextRow& row) { return row.tokens.size() + row.more; };
  if (length(first) + length(second) <= most) return;
  const bool swapped = length(first) > length(second);
  std::size_t shorter = std::min(length(first), length(second));
  std::size_t longer = shorter > most ? shorter : std::max(shorter, most - shorter);
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  tok::cut_row(first, swapped ? longer : shorter, side);
  tok::cut_row(second, swapped ? shorter : longer, side);
}

}  // namespace

Result<TextTokenizer> TextTokenizer::parse(std::string_view text, const std::string& name) {
  const Result<json::value> value = parse_json(text);
  if (!value) return error(Code::data_loss, name + ": " + value.error().message);
  auto parts = tok::read_tokenizer(*value, name);
  if (!parts) return parts.error();
  return TextTokenizer(std::make_unique<const Parts>(Parts{std::move(*parts)}));
}

Result<TextTokenizer> TextTokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json", vocab = folder / "vocab.txt",
                              config = folder / "tokenizer_config.json";
  std::error_code ec;
  Result<json::value> file = json::value();
  std::string name = path.string();
  if (std::filesystem::exists(path, ec) || !std::filesystem::exists(vocab, ec)) {
    file = read_json(path);
  } else {
    name = vocab.string();
    Result<json::value> settings = json::value();
    if (std::filesystem::exists(config, ec)) settings = read_json(config);
    if (!settings) return settings.error();
    const Result<MappedFile> tokens = MappedFile::open(vocab);
    if (!tokens) return tokens.error();
    if (tokens->bytes().size() > kMostFileBytes)
      return error(Code::data_loss, name + ": is too large");
    file = tok::tokenizer_of_vocab(text_of(*tokens), *settings, name);
  }
  if (!file) return file.error();
  auto parts = tok::read_tokenizer(*file, name);
  if (!parts) return parts.error();
  return TextTokenizer(std::make_unique<const Parts>(Parts{std::move(*parts)}));
}

TextTokenizer::TextTokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
TextTokenizer::TextTokenizer(TextTokenizer&&) noexcept = default;
TextTokenizer& TextTokenizer::operator=(TextTokenizer&&) noexcept = default;
TextTokenizer::~TextTokenizer() = default;

TextEncoding TextTokenizer::encode(std::string_view text, const TextEncodeOptions& options) const {
  const TokenizerParts& parts = *parts_->read;
  std::string replaced;
  text = valid_text(text, replaced);
  const std::size_t most = content_limit(options, special_count(false));
  const TextRow row = tok::make_row(parts, text, most, options.truncation_side);
  return assemble(parts, parts.post_processor.single, options, row, text, {}, {});
}

TextEncoding TextTokenizer::encode_pair(std::string_view first, std::string_view second,
                                        const TextEncodeOptions& options) const {
  const TokenizerParts& parts = *parts_->read;
  std::string replaced_first, replaced_second;
  first = valid_text(first, replaced_first);
  second = valid_text(second, replaced_second);
  const TruncationSide side = options.truncation_side;
  const std::size_t most = content_limit(options, special_count(true));
  TextRow a = tok::make_row(parts, first, most, side);
  TextRow b = tok::make_row(parts, second, most, side);
  if (a.more && b.more && most % 2 == 1) {  // which of them is the longer one then matters
    a = tok::make_row(parts, first, tok::kNoLimit, side);
    b = tok::make_row(parts, second, tok::kNoLimit, side);
  }
  cut_longest(a, b, most, side);
  return assemble(parts, parts.post_processor.pair, options, a, first, b, second);
}

std::size_t TextTokenizer::special_count(bool pair) const {
  const tok::PostProcessor& post = parts_->read->post_processor;
  return tok::PostProcessor::special_count(pair ? post.pair : post.single);
}

std::string TextTokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  const TokenizerParts& parts = *parts_->read;
  std::vector<std::string> texts;
  for (const TokenId id : ids) {
    if (skip_special && is_special(id)) continue;
    const tok::AddedToken* added = parts.added.by_id(id);
    const std::string_view text = added != nullptr ? added->shown : token_text(id);
    if (!text.empty()) texts.emplace_back(text);
  }
  for (const auto& step : parts.decoder) step->apply(texts);
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0 && parts.decoder.empty()) out += ' ';
    out += texts[i];
  }
  return out;
}

int32_t TextTokenizer::vocab_size() const { return parts_->read->vocabulary.size(); }

std::string_view TextTokenizer::token_text(TokenId id) const {
  const Vocabulary& vocabulary = parts_->read->vocabulary;
  return vocabulary.contains(id) ? vocabulary.bytes(id) : std::string_view();
}

std::optional<TokenId> TextTokenizer::find(std::string_view text) const {
  const TokenId id = text.empty() ? -1 : parts_->read->vocabulary.find(text);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

bool TextTokenizer::is_special(TokenId id) const {
  const tok::AddedToken* added = parts_->read->added.by_id(id);
  return added != nullptr && added->special;
}

}  // namespace serval
