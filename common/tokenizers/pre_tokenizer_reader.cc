// The "pre_tokenizer" of a tokenizer.json.
#include "common/formats/quoted_name.h"
#include "common/tokenizers/space_steps.h"
#include "common/tokenizers/split_steps.h"

namespace serval::tok {
namespace {

using Kind = CharacterSplit::Kind;

SplitBehavior behavior_of(Component& part, std::string_view name) {
  constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  for (const auto& [known, behavior] : kNames)
    if (known == name) return behavior;
  part.fail(part.unsupported("behavior " + quoted_name(name)));
  return SplitBehavior::isolated;
}

// One character, as a text.
std::string_view character_of(Component& part, std::string_view key) {
  const std::string_view text = part.text(key);
  if (part.status().ok() && (text.empty() || char_length(text[0]) != text.size()))
    part.fail(part.bad("\"" + std::string(key) + "\" is not one character"));
  return text;
}

class Reader {
 public:
  explicit Reader(PreTokenizerPart& out) : out_(out) {}

  Status read(Component part) {
    if (!part.status()) return part.status();
    if (part.absent()) return {};
    if (out_.byte_level) return part.unsupported("a pre-tokenizer behind ByteLevel");
    const std::string_view type = part.type();
    if (type == "Sequence") return read_row(part);
    if (type == "BertPreTokenizer") {
      add<BertSplit>();
    } else if (type == "Whitespace") {
      add<WordSplit>();
    } else if (type == "WhitespaceSplit") {
      add<CharacterSplit>(Kind::white_space, SplitBehavior::removed);
    } else if (type == "Punctuation") {
      add<CharacterSplit>(Kind::punctuation, behavior_of(part, part.text("behavior", "Isolated")));
    } else if (type == "Digits") {
      add<CharacterSplit>(Kind::digit, part.flag("individual_digits") ? SplitBehavior::isolated
                                                                      : SplitBehavior::contiguous);
    } else if (type == "CharDelimiterSplit") {
      const std::string_view one = character_of(part, "delimiter");
      std::size_t at = 0;
      if (part.status().ok())
        add<CharacterSplit>(Kind::one, SplitBehavior::removed, next_char(one, at));
    } else if (type == "ByteLevel") {
      const bool add_space = part.flag("add_prefix_space");
      add<ByteLevelStep>(add_space, part.flag("use_regex", true));
      out_.byte_level = true;
    } else if (type == "Metaspace") {
      read_metaspace(part);
    } else if (type == "Split") {
      read_split(part);
    } else {
      return part.unsupported("pre-tokenizer " + quoted_name(type));
    }
    return part.status();
  }

 private:
  template <class T, class... Arguments>
  void add(Arguments&&... arguments) {
    out_.steps.push_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
  }

  Status read_row(Component& part) {
    for (Component& item : part.list("pretokenizers"))
      if (Status s = read(std::move(item)); !s) return s;
    return part.status();
  }

  void read_metaspace(Component& part) {
    const std::string_view mark = character_of(part, "replacement");
    const std::string_view scheme = part.text("prepend_scheme", "always");
    Metaspace::Prefix prefix = Metaspace::Prefix::always;
    if (scheme == "first")
      prefix = Metaspace::Prefix::first;
    else if (scheme == "never" || !part.flag("add_prefix_space", true))
      prefix = Metaspace::Prefix::never;
    else if (scheme != "always")
      part.fail(part.unsupported("prepend_scheme " + quoted_name(scheme)));
    const bool cut = part.flag("split", true);
    if (part.status().ok()) add<Metaspace>(mark, prefix, cut);
  }

  void read_split(Component& part) {
    const SplitBehavior behavior = behavior_of(part, part.text("behavior"));
    const bool invert = part.flag("invert", false);
    Result<TextPattern> pattern = TextPattern::read(part);
    if (!pattern) return part.fail(pattern.error());
    // Every character is in a match: all that is between them is nothing.
    const bool all = pattern->words() && invert && behavior == SplitBehavior::removed;
    add<PatternSplit>(std::move(*pattern), all ? SplitBehavior::isolated : behavior,
                      invert && !all);
  }

  PreTokenizerPart& out_;
};

}  // namespace

Result<PreTokenizerPart> read_pre_tokenizer(Component part) {
  PreTokenizerPart out;
  if (Status s = Reader(out).read(std::move(part)); !s) return s.error();
  return out;
}

}  // namespace serval::tok
