#include "plugins/whisper/decoding/speech_tokenizer.h"

#include <algorithm>
#include <cstdio>

namespace serval::whisper {
namespace {

constexpr TokenId kEnglishOnlyEot = 50256;

void sort_unique(std::vector<TokenId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

std::string timestamp_text(TokenId index) {
  char text[32];
  std::snprintf(text, sizeof text, "<|%.2f|>", double(index) * kSecondsPerTimestamp);
  return text;
}

}  // namespace

Result<SpeechTokenizer> SpeechTokenizer::load(const std::filesystem::path& folder,
                                              std::optional<bool> multilingual) {
  Result<TextTokenizer> text = TextTokenizer::load(folder);
  if (!text) return text.error();
  return from(std::move(*text), multilingual, (folder / "tokenizer.json").string());
}

Result<SpeechTokenizer> SpeechTokenizer::from(TextTokenizer text, std::optional<bool> multilingual,
                                              const std::string& name) {
  SpeechTokenizer out(std::move(text));
  if (const Status status = out.find_special(name); !status) return status.error();
  out.multilingual_ = multilingual.value_or(out.special_.eot != kEnglishOnlyEot);
  for (const Language& language : all_languages()) {
    const auto id = out.text_.find("<|" + std::string(language.code) + "|>");
    if (id && (out.multilingual_ || language.code == "en"))
      out.languages_.push_back({&language, *id});
  }
  if (out.languages_.empty())
    return error(Code::data_loss, name + ": has no token of a language, like <|en|>");
  out.find_suppressed();
  return out;
}

Status SpeechTokenizer::find_special(const std::string& name) {
  struct Wanted {
    TokenId SpecialTokens::*field;
    const char* text;
  };
  constexpr Wanted kWanted[] = {{&SpecialTokens::sot, "<|startoftranscript|>"},
                                {&SpecialTokens::eot, "<|endoftext|>"},
                                {&SpecialTokens::transcribe, "<|transcribe|>"},
                                {&SpecialTokens::translate, "<|translate|>"},
                                {&SpecialTokens::sot_prev, "<|startofprev|>"},
                                {&SpecialTokens::sot_lm, "<|startoflm|>"},
                                {&SpecialTokens::no_timestamps, "<|notimestamps|>"}};
  for (const Wanted& wanted : kWanted) {
    const auto id = text_.find(wanted.text);
    if (!id) return error(Code::data_loss, name + ": has no token " + wanted.text);
    special_.*wanted.field = *id;
  }
  auto no_speech = text_.find("<|nospeech|>");  // of later models
  if (!no_speech) no_speech = text_.find("<|nocaptions|>");
  if (!no_speech)
    return error(Code::data_loss, name + ": has neither token <|nospeech|> nor <|nocaptions|>");
  special_.no_speech = *no_speech;
  special_.timestamp_begin = special_.no_timestamps + 1;
  // Text, the end, then what steers: the rules of logits cut a row by these borders.
  for (const TokenId id : {special_.sot, special_.transcribe, special_.translate, special_.sot_prev,
                           special_.sot_lm, special_.no_speech})
    if (id <= special_.eot || id >= special_.no_timestamps)
      return error(Code::data_loss, name + ": token " + std::to_string(id) +
                                        " is not between <|endoftext|> and <|notimestamps|>");
  return {};
}

// The symbols of OpenAI's non_speech_tokens.
void SpeechTokenizer::find_suppressed() {
  constexpr std::string_view kSymbols[] = {
      "\"",  "#",  "(",  ")",   "*",   "+",   "/",   ":",  ";",   "<",  "=",  ">",
      "@",   "[",  "\\", "]",   "^",   "_",   "`",   "{",  "|",   "}",  "~",  "「",
      "」",  "『", "』", "<<",  ">>",  "<<<", ">>>", "--", "---", "-(", "-[", "('",
      "(\"", "((", "))", "(((", ")))", "[[",  "]]",  "{{", "}}",  "♪♪", "♪♪♪"};
  // Of several tokens the first is enough: it is common to all characters of their block.
  constexpr std::string_view kMusic[] = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};
  const auto add = [&](std::string_view symbol, bool first_is_enough) {
    for (const std::string& text : {std::string(symbol), " " + std::string(symbol)}) {
      const std::vector<TokenId> ids = encode(text);
      if (ids.size() == 1 || (first_is_enough && !ids.empty())) non_speech_.push_back(ids[0]);
    }
  };
  for (const std::string_view symbol : kSymbols) add(symbol, false);
  for (const std::string_view symbol : kMusic) add(symbol, true);
  // Hyphens and apostrophes may stand within a word, not begin one.
  for (const std::string_view text : {" -", " '"})
    if (const std::vector<TokenId> ids = encode(text); !ids.empty()) non_speech_.push_back(ids[0]);
  sort_unique(non_speech_);
  blank_ = encode(" ");
  blank_.push_back(special_.eot);
  sort_unique(blank_);
}

const LanguageToken* SpeechTokenizer::find_language_token(std::string_view code_or_name) const {
  const Language* wanted = find_language(code_or_name);
  for (const LanguageToken& token : languages_)
    if (token.language == wanted) return &token;
  return nullptr;
}

std::vector<TokenId> SpeechTokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids = text_.encode(text, {.add_special = false}).ids;
  if (std::all_of(ids.begin(), ids.end(), [&](TokenId id) { return is_text(id); })) return ids;
  // A user's "<|endoftext|>" must not steer the decoder: take such words apart at their first "|".
  ids.clear();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t mark = text.find("<|", begin);
    const std::size_t end = mark == text.npos ? text.size() : mark + 1;
    const auto part = text_.encode(text.substr(begin, end - begin), {.add_special = false}).ids;
    ids.insert(ids.end(), part.begin(), part.end());
    begin = end;
  }
  return ids;
}

std::string SpeechTokenizer::decode(std::span<const TokenId> ids) const {
  std::vector<TokenId> text;
  for (const TokenId id : ids)
    if (id >= 0 && is_text(id)) text.push_back(id);
  return text_.decode(text, true);
}

std::string SpeechTokenizer::decode_with_timestamps(std::span<const TokenId> ids) const {
  std::string out;
  for (std::size_t i = 0; i < ids.size();) {
    if (is_timestamp(ids[i])) {
      out += timestamp_text(ids[i++] - special_.timestamp_begin);
      continue;
    }
    const std::size_t begin = i;
    while (i < ids.size() && !is_timestamp(ids[i])) ++i;
    out += decode(ids.subspan(begin, i - begin));
  }
  return out;
}

}  // namespace serval::whisper
