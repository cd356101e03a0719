#include "common/tokenizers/added_tokens.h"

#include <algorithm>
#include <unordered_map>

#include "common/formats/quoted_name.h"
#include "common/tokenizers/char_traits.h"

namespace serval::tok {
namespace {

std::size_t char_before(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && (uint8_t(text[at]) & 0xC0) == 0x80);
  return at;
}

bool has_trait_before(std::string_view text, std::size_t at, int trait) {
  if (at == 0) return false;
  std::size_t before = char_before(text, at);
  return (CharTraits::instance().of(next_char(text, before)) & trait) != 0;
}

bool has_trait_at(std::string_view text, std::size_t at, int trait) {
  return at < text.size() && (CharTraits::instance().of(next_char(text, at)) & trait) != 0;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

}  // namespace

Result<AddedTokens> AddedTokens::read(Component& root, ModelTokens& tokens,
                                      const Normalizer* normalizer) {
  AddedTokens out;
  if (root.member("added_tokens") == nullptr) return out;
  std::vector<Component> items = root.list("added_tokens");
  if (!root.status()) return root.status().error();
  std::unordered_map<std::string_view, TokenId> ids;
  for (std::size_t id = 0; id < tokens.texts.size(); ++id)
    if (tokens.known[id]) ids[tokens.texts[id]] = TokenId(id);
  for (Component& item : items) {
    const std::string_view content = item.text("content");
    const int64_t id = item.number("id", -1, 0, kMostTokens - 1);
    if (!item.status()) return item.status().error();
    if (content.empty()) continue;
    if (content.size() > kMostTokenBytes) return item.bad("is too long");
    const auto known = ids.find(content);
    if (known == ids.end()) {
      if (id < 0) return item.bad("has no id");
      const auto index = std::size_t(id);
      if (index >= tokens.texts.size() + items.size() + 1024)
        return item.bad("has an id far beyond the others");
      if (index >= tokens.texts.size()) {
        tokens.texts.resize(index + 1);
        tokens.known.resize(index + 1);
      }
      if (tokens.known[index]) return item.bad("has the id of " + quoted_name(tokens.texts[index]));
      tokens.texts[index] = content;
      tokens.known[index] = true;
      ids[content] = TokenId(id);
    }
    AddedToken token{.content = std::string(content), .shown = {}, .id = ids[content]};
    token.special = item.flag("special", false);
    token.single_word = item.flag("single_word", false);
    token.left_strip = item.flag("lstrip", false);
    token.right_strip = item.flag("rstrip", false);
    token.normalized = item.flag("normalized", !token.special);
    if (!item.status()) return item.status().error();
    AlignedText shown{token.content, {}, 0};
    if (token.normalized && normalizer != nullptr) normalizer->apply(shown);
    token.shown = std::move(shown.text);
    if (token.shown.empty()) return item.bad("is nothing once it is normalised");
    // Named twice: the last one holds.
    const auto [place, fresh] = out.places_.emplace(token.id, out.list_.size());
    if (fresh)
      out.list_.push_back(std::move(token));
    else
      out.list_[place->second] = std::move(token);
  }
  for (std::size_t i = 0; i < out.list_.size(); ++i) {
    const AddedToken& token = out.list_[i];
    Finder& finder = token.normalized ? out.normalized_ : out.plain_;
    if (finder.trie.find(token.shown) >= 0) continue;
    if (!finder.trie.insert(token.shown, TokenId(i))) return root.bad("has too many added tokens");
    finder.first[uint8_t(token.shown[0])] = true;
    finder.empty = false;
  }
  return out;
}

void AddedTokens::split(
    std::string_view view, bool normalized,
    const std::function<void(std::size_t, std::size_t, const AddedToken*)>& part) const {
  const Finder& finder = normalized ? normalized_ : plain_;
  std::size_t done = 0;
  for (std::size_t at = 0; !finder.empty && at < view.size();) {
    if (!finder.first[uint8_t(view[at])]) {
      ++at;
      continue;
    }
    TokenId index = -1;
    std::size_t end = at;
    uint32_t node = ByteTrie::kRoot;
    for (std::size_t i = at; i < view.size(); ++i) {
      node = finder.trie.step(node, view[i]);
      if (node == ByteTrie::kNone) break;
      if (finder.trie.id(node) < 0) continue;
      index = finder.trie.id(node);
      end = i + 1;
    }
    if (index < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = list_[std::size_t(index)];
    std::size_t begin = at, stop = end;
    at = end;
    if (token.single_word &&
        (has_trait_before(view, begin, kWord) || has_trait_at(view, stop, kWord)))
      continue;
    if (token.left_strip)
      while (begin > done && has_trait_before(view, begin, kWhite))
        begin = char_before(view, begin);
    begin = std::max(begin, done);
    if (token.right_strip)
      while (has_trait_at(view, stop, kWhite)) stop += char_length(view[stop]);
    if (begin >= stop) continue;
    if (done < begin) part(done, begin, nullptr);
    part(begin, stop, &token);
    done = stop;
    at = std::max(at, done);
  }
  if (done < view.size()) part(done, view.size(), nullptr);
}

bool AddedTokens::is_local() const {
  return std::all_of(list_.begin(), list_.end(), [](const AddedToken& token) {
    const std::string_view text = token.shown;
    return text.find(' ') == text.npos && token.content.find(' ') == token.content.npos &&
           !(token.left_strip && is_alphanumeric(text.front())) &&
           !(token.right_strip && is_alphanumeric(text.back()));
  });
}

}  // namespace serval::tok
