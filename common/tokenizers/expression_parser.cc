// Regular expression to steps. A recursive descent parser makes a tree; the tree is written out
// with repetitions unrolled.
#include <memory>
#include <optional>

#include "common/tokenizers/aligned_text.h"
#include "common/tokenizers/expression.h"

namespace serval::tok {
namespace {

using Kind = ExpressionStep::Kind;

constexpr int kMostDepth = 32;
constexpr std::size_t kMostSteps = 4096, kMostBytes = 16384;
constexpr int kMostRepeats = 1000, kNoLimit = -1;

struct Node {
  enum class Type { step, row, choice, repeat };
  Type type = Type::row;
  Kind kind = Kind::match;  // of a step
  uint32_t set = 0;
  std::vector<Node> parts{};
  int least = 0, most = 0;
  bool lazy = false;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<CompiledExpression> run() {
    if (text_.size() > kMostBytes) return invalid("the expression is too long");
    Node node = choice(0);
    if (!failed_ && at_ < text_.size()) fail("has a \")\" too many");
    if (failed_) return *failed_;
    write(node);
    put({Kind::match});
    if (failed_) return *failed_;
    for (CharSet& set : out_.sets) set.finish();
    return std::move(out_);
  }

 private:
  void fail(const std::string& what) {
    if (!failed_) failed_ = invalid("the expression " + what);
  }
  void refuse(const std::string& what) {
    if (!failed_)
      failed_ =
          error(Code::unimplemented, "the expression has " + what + ", which is not supported");
  }
  bool more() const { return !failed_ && at_ < text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  Node choice(int depth) {
    Node out{.type = Node::Type::choice};
    if (depth > kMostDepth) fail("is nested too deeply");
    do {
      out.parts.push_back(row(depth));
    } while (more() && take("|"));
    return out;
  }

  Node row(int depth) {
    Node out{.type = Node::Type::row};
    while (more() && peek() != '|' && peek() != ')') {
      Node item = atom(depth);
      while (more() && repeats(item)) {
      }
      out.parts.push_back(std::move(item));
    }
    return out;
  }

  Node step(Kind kind) { return {.type = Node::Type::step, .kind = kind}; }
  Node character(CharSet set) {
    Node out = step(Kind::character);
    out.set = uint32_t(out_.sets.size());
    out_.sets.push_back(std::move(set));
    return out;
  }

  // Wraps `item` if a quantifier follows.
  bool repeats(Node& item) {
    int least = 0, most = kNoLimit;
    if (take("*")) {
    } else if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (peek() == '{') {
      if (!bounds(least, most)) return false;
    } else {
      return false;
    }
    Node out{.type = Node::Type::repeat, .least = least, .most = most};
    out.lazy = take("?");
    if (!out.lazy && peek() == '+') refuse("a possessive quantifier");
    out.parts.push_back(std::move(item));
    item = std::move(out);
    return true;
  }

  bool bounds(int& least, int& most) {
    ++at_;
    const bool open_start = peek() == ',';
    least = open_start ? 0 : number();
    most = least;
    if (take(",")) most = peek() == '}' ? kNoLimit : number();
    if (!take("}")) fail("has a malformed {}");
    if (most != kNoLimit && most < least) fail("has a {} with bounds that cross");
    return !failed_;
  }

  int number() {
    int out = 0, digits = 0;
    for (; peek() >= '0' && peek() <= '9' && out <= kMostRepeats; ++at_, ++digits)
      out = out * 10 + (peek() - '0');
    if (digits == 0) fail("has a malformed {}");
    if (out > kMostRepeats) fail("repeats too often");
    return out;
  }

  Node atom(int depth) {
    if (take("(")) return group(depth);
    CharSet set;
    if (peek() == '[') {
      ++at_;
      read_class(set);
      return character(std::move(set));
    }
    if (take("^")) return step(Kind::line_start);
    if (take("$")) return step(Kind::line_end);
    if (take(".")) {
      set.add('\n', '\n');
      set.negate();
      return character(std::move(set));
    }
    if (take("\\A")) return step(Kind::text_start);
    if (take("\\z")) return step(Kind::text_end);
    if (peek() == '*' || peek() == '+' || peek() == '?') fail("repeats nothing");
    if (peek() == '\\')
      read_escape(set, nullptr);
    else
      add(set, next_char(text_, at_));
    return character(std::move(set));
  }

  void add(CharSet& set, char32_t code) {
    if (any_case_)
      set.add_any_case(code);
    else
      set.add(code, code);
  }

  Node group(int depth) {
    const bool outer_case = any_case_;
    std::optional<Kind> look;
    if (take("?i:")) {
      any_case_ = true;
    } else if (take("?=")) {
      look = Kind::before;
    } else if (take("?!")) {
      look = Kind::not_before;
    } else if (!take("?:") && peek() == '?') {
      refuse("a group that begins with \"(" + std::string(text_.substr(at_, 2)) + "\"");
    }
    Node out = choice(depth + 1);
    any_case_ = outer_case;
    if (!take(")")) fail("lacks a \")\"");
    if (!look || failed_) return out;
    const Node* inner = &out;
    while (inner->type != Node::Type::step && inner->type != Node::Type::repeat &&
           inner->parts.size() == 1)
      inner = &inner->parts[0];
    if (inner->type != Node::Type::step || inner->kind != Kind::character) {
      refuse("a look ahead at more than one character");
      return out;
    }
    Node seen = step(*look);
    seen.set = inner->set;
    return seen;
  }

  // Behind "[".
  void read_class(CharSet& set) {
    const bool negated = take("^");
    bool first = true;
    for (; more() && (peek() != ']' || first); first = false) {
      if (peek() == '[' || text_.substr(at_).starts_with("&&"))
        return refuse("a class within a class");
      char32_t low = 0;
      if (!read_member(set, low)) continue;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        char32_t high = 0;
        if (!read_member(set, high) || high < low) return fail("has a malformed range");
        if (any_case_) return refuse("a range of characters in either case");
        set.add(low, high);
      } else {
        add(set, low);
      }
    }
    if (!take("]")) fail("lacks a \"]\"");
    if (negated) set.negate();
  }

  // false: it was a whole class of characters, which is in the set already.
  bool read_member(CharSet& set, char32_t& code) {
    if (peek() != '\\') {
      code = next_char(text_, at_);
      return true;
    }
    return read_escape(set, &code);
  }

  // At a backslash. A single character goes to `single`, or if that is null into the set.
  bool read_escape(CharSet& set, char32_t* single) {
    ++at_;
    if (at_ >= text_.size()) {
      fail("ends in a backslash");
      return false;
    }
    const char32_t c = next_char(text_, at_);
    if (c == 'p' || c == 'P') {
      read_property(set, c == 'P');
      return false;
    }
    if (c < 0x80 && set.add_escape(char(c))) return false;
    char32_t code = c;
    switch (c) {
      case 'n':
        code = '\n';
        break;
      case 'r':
        code = '\r';
        break;
      case 't':
        code = '\t';
        break;
      case 'f':
        code = '\f';
        break;
      case 'v':
        code = '\v';
        break;
      case 'x':
        code = hex(2);
        break;
      case 'u':
        code = hex(4);
        break;
      default:
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
          refuse(std::string("\"\\") + char(c) + "\"");
    }
    if (single != nullptr)
      *single = code;
    else
      add(set, code);
    return true;
  }

  char32_t hex(int digits) {
    const bool braces = take("{");
    char32_t out = 0;
    int found = 0;
    for (; found < (braces ? 6 : digits); ++found, ++at_) {
      const char c = char(peek() | 32);
      const bool letter = c >= 'a' && c <= 'f';
      if (!letter && (peek() < '0' || peek() > '9')) break;
      out = out * 16 + char32_t(letter ? c - 'a' + 10 : peek() - '0');
    }
    if (found == 0 || (braces && !take("}")) || out > 0x10FFFF) fail("has a malformed escape");
    return failed_ ? 0 : out;
  }

  void read_property(CharSet& set, bool negated) {
    if (take("{")) {
      if (take("^")) negated = !negated;
      const std::size_t end = text_.find('}', at_);
      if (end == text_.npos) return fail("has a malformed \\p{}");
      const std::string_view name = text_.substr(at_, end - at_);
      at_ = end + 1;
      if (!set.add_property(name, negated)) refuse("\\p{" + std::string(name.substr(0, 32)) + "}");
    } else if (at_ < text_.size()) {
      if (!set.add_property(text_.substr(at_++, 1), negated)) refuse("a \\p without {}");
    } else {
      fail("ends in a backslash");
    }
  }

  uint32_t here() const { return uint32_t(out_.steps.size()); }
  uint32_t put(ExpressionStep step) {
    if (out_.steps.size() >= kMostSteps) fail("is too large");
    if (!failed_) out_.steps.push_back(step);
    return failed_ ? 0 : here() - 1;
  }

  void write(const Node& node) {
    if (failed_) return;
    switch (node.type) {
      case Node::Type::step:
        put({node.kind, 0, 0, node.set});
        return;
      case Node::Type::row:
        for (const Node& part : node.parts) write(part);
        return;
      case Node::Type::choice:
        return write_choice(node);
      case Node::Type::repeat:
        return write_repeat(node);
    }
  }

  void write_choice(const Node& node) {
    std::vector<uint32_t> ends;
    for (std::size_t i = 0; i + 1 < node.parts.size(); ++i) {
      const uint32_t fork = put({Kind::fork});
      if (failed_) return;
      out_.steps[fork].first = here();
      write(node.parts[i]);
      ends.push_back(put({Kind::jump}));
      if (failed_) return;
      out_.steps[fork].second = here();
    }
    write(node.parts.back());
    for (const uint32_t end : ends)
      if (!failed_) out_.steps[end].first = here();
  }

  void write_repeat(const Node& node) {
    for (int i = 0; i < node.least && !failed_; ++i) write(node.parts[0]);
    std::vector<uint32_t> forks;
    const int optional = node.most == kNoLimit ? 1 : node.most - node.least;
    for (int i = 0; i < optional && !failed_; ++i) {
      const uint32_t fork = put({Kind::fork});
      forks.push_back(fork);
      write(node.parts[0]);
      if (node.most == kNoLimit) put({Kind::jump, fork});
    }
    if (failed_) return;
    // The body comes right behind its fork; the other way leads out.
    for (const uint32_t fork : forks) {
      ExpressionStep& step = out_.steps[fork];
      step.first = node.lazy ? here() : fork + 1;
      step.second = node.lazy ? fork + 1 : here();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool any_case_ = false;
  std::optional<Error> failed_;
  CompiledExpression out_;
};

}  // namespace

Result<CompiledExpression> compile_expression(std::string_view text) { return Parser(text).run(); }

}  // namespace serval::tok
