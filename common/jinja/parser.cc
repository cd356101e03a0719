// Statements. Expressions are in parser_expr.cc.
#include "common/jinja/parser.h"

#include <algorithm>

#include "common/jinja/failure.h"
#include "common/jinja/text.h"

namespace serval::jinja {

Parser::Nested::Nested(Parser& p) : parser(p) {
  if (++p.nesting_ > kMaxNesting) {
    --p.nesting_;
    p.fail("nested deeper than " + std::to_string(kMaxNesting) + " levels");
  }
}

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

bool Parser::is_name(std::string_view text, std::size_t ahead) const {
  return peek(ahead).kind == Tok::name && peek(ahead).text == text;
}

Token Parser::next() {
  Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::skip(Tok kind) {
  if (!is(kind)) return false;
  next();
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  next();
  return true;
}

void Parser::fail(int line, const std::string& message) const { fail_at(line, message); }
void Parser::fail(const std::string& message) const { fail_at(peek().line, message); }

namespace {

std::string describe(const Token& token) {
  switch (token.kind) {
    case Tok::eof:
      return "the end of the template";
    case Tok::data:
      return "text";
    case Tok::variable_begin:
      return "{{";
    case Tok::variable_end:
      return "}}";
    case Tok::block_begin:
      return "{%";
    case Tok::block_end:
      return "%}";
    case Tok::integer:
    case Tok::floating:
      return "a number";
    case Tok::string:
      return "a string";
    default:
      return quote(token.text.substr(0, 40));
  }
}

}  // namespace

Token Parser::expect(Tok kind, std::string_view what) {
  if (!is(kind)) fail("expected " + std::string(what) + ", found " + describe(peek()));
  return next();
}

void Parser::expect_name(std::string_view text) {
  if (!skip_name(text)) fail("expected '" + std::string(text) + "', found " + describe(peek()));
}

int Parser::id_of(const std::string& name) {
  const auto [at, added] = ids_.emplace(name, static_cast<int>(program_.names.size()));
  if (added) program_.names.push_back(name);
  return at->second;
}

Program Parser::parse() {
  program_.loop = id_of("loop");
  program_.caller = id_of("caller");
  program_.kwargs = id_of("kwargs");
  program_.varargs = id_of("varargs");
  program_.body = body({});
  if (!unknown_.empty()) fail(unknown_.front().first, unknown_.front().second);
  return std::move(program_);
}

// Text, {{ }} and {% %} up to a tag of `ends`, whose name is the next token then.
Body Parser::body(const std::vector<std::string_view>& ends) {
  Nested nested(*this);
  Body out;
  const auto output = [&](ExprPtr expr) {
    if (out.empty() || out.back()->what != Do::output) {
      out.push_back(std::make_unique<Statement>());
      out.back()->what = Do::output;
      out.back()->line = expr->line;
    }
    out.back()->exprs.push_back(std::move(expr));
  };
  while (!is(Tok::eof)) {
    const Token token = next();
    if (token.kind == Tok::data) {
      ExprPtr expr = node(Op::constant, token.line);
      const std::size_t length = count_code_points(token.text);
      expr->constant = std::make_shared<const String>(String{token.text, length});
      output(std::move(expr));
    } else if (token.kind == Tok::variable_begin) {
      output(tuple(true));
      expect(Tok::variable_end, "}}");
    } else {
      if (!is(Tok::name)) fail("expected the name of a tag, found " + describe(peek()));
      for (std::string_view end : ends)
        if (is_name(end)) return out;
      out.push_back(statement());
      expect(Tok::block_end, "%}");
    }
  }
  if (!ends.empty()) {
    std::string names;
    for (std::string_view end : ends) names += (names.empty() ? "" : " or ") + std::string(end);
    fail("the template ends, but {% " + names + " %} is missing");
  }
  return out;
}

// The body of a tag: what follows its %}.
Body Parser::until(const std::vector<std::string_view>& ends) {
  skip(Tok::colon);
  expect(Tok::block_end, "%}");
  return body(ends);
}

StatementPtr Parser::statement() {
  const std::string& tag = peek().text;
  if (tag == "if") return if_();
  if (tag == "for") return for_();
  if (tag == "set") return set();
  if (tag == "macro") return macro();
  if (tag == "call") return call_block();
  if (tag == "filter") return filter_block();
  if (tag == "with") return with();
  if (tag == "generation") return generation();
  if (tag == "print") return print();
  if (tag == "break") return jump(Do::break_);
  if (tag == "continue") return jump(Do::continue_);
  fail("unknown tag " + quote(tag));
}

namespace {

StatementPtr make(Do what, int line) {
  auto statement = std::make_unique<Statement>();
  statement->what = what;
  statement->line = line;
  return statement;
}

}  // namespace

StatementPtr Parser::if_() {
  const std::size_t known = unknown_.size();
  StatementPtr out = make(Do::if_, next().line);
  for (;;) {
    out->exprs.push_back(tuple(false));
    out->bodies.push_back(until({"elif", "else", "endif"}));
    if (skip_name("elif")) continue;
    if (!skip_name("else")) break;
    out->bodies.push_back(until({"endif"}));
    break;
  }
  skip_name("endif");
  unknown_.resize(known);
  return out;
}

StatementPtr Parser::for_() {
  StatementPtr out = make(Do::for_, next().line);
  ++loops_;
  out->targets.push_back(target("in"));
  expect_name("in");
  out->exprs.push_back(tuple(false, "recursive"));
  if (skip_name("if")) out->exprs.push_back(expression());
  out->recursive = skip_name("recursive");
  out->bodies.push_back(until({"endfor", "else"}));
  --loops_;
  if (skip_name("else")) out->bodies.push_back(until({"endfor"}));
  expect_name("endfor");
  return out;
}

StatementPtr Parser::jump(Do what) {
  const Token token = next();
  if (loops_ == 0) fail(token.line, quote(token.text) + " outside a loop");
  return make(what, token.line);
}

StatementPtr Parser::set() {
  const int line = next().line;
  ExprPtr where = target({}, true);
  if (skip(Tok::assign)) {
    StatementPtr out = make(Do::set, line);
    out->targets.push_back(std::move(where));
    out->exprs.push_back(tuple(true));
    return out;
  }
  StatementPtr out = make(Do::set_block, line);
  out->targets.push_back(std::move(where));
  if (is(Tok::pipe)) out->exprs.push_back(filter(nullptr, false));
  out->bodies.push_back(until({"endset"}));
  next();
  return out;
}

StatementPtr Parser::with() {
  StatementPtr out = make(Do::with, next().line);
  while (!is(Tok::block_end) && !is(Tok::colon)) {
    if (!out->targets.empty()) expect(Tok::comma, "','");
    out->targets.push_back(target());
    expect(Tok::assign, "'='");
    out->exprs.push_back(expression());
  }
  out->bodies.push_back(until({"endwith"}));
  next();
  return out;
}

StatementPtr Parser::filter_block() {
  StatementPtr out = make(Do::filter_block, next().line);
  out->exprs.push_back(filter(nullptr, true));
  out->bodies.push_back(until({"endfilter"}));
  next();
  return out;
}

// transformers marks what the assistant says with this tag; for rendering it is a scope.
StatementPtr Parser::generation() {
  StatementPtr out = make(Do::scope, next().line);
  const int loops = std::exchange(loops_, 0);
  out->bodies.push_back(until({"endgeneration"}));
  loops_ = loops;
  next();
  return out;
}

StatementPtr Parser::print() {
  StatementPtr out = make(Do::output, next().line);
  while (!is(Tok::block_end)) {
    if (!out->exprs.empty()) expect(Tok::comma, "','");
    out->exprs.push_back(expression());
  }
  return out;
}

void Parser::signature(MacroCode& macro) {
  expect(Tok::lparen, "'('");
  while (!is(Tok::rparen)) {
    if (!macro.parameters.empty()) expect(Tok::comma, "','");
    const Token token = expect(Tok::name, "a parameter");
    macro.parameters.emplace_back(id_of(token.text), token.text);
    if (skip(Tok::assign))
      macro.defaults.push_back(expression());
    else if (!macro.defaults.empty())
      fail("parameter " + quote(token.text) + " without a default follows one that has it");
  }
  expect(Tok::rparen, "')'");
}

Body Parser::macro_body(MacroCode& macro, const char* end) {
  macros_.push_back(&macro);
  const int loops = std::exchange(loops_, 0);
  Body out = until({end});
  loops_ = loops;
  macros_.pop_back();
  next();
  for (const auto& [id, name] : macro.parameters) {
    if (name == "caller") macro.uses_caller = false;  // then it is a parameter like any other
    if (name == "kwargs") macro.uses_kwargs = false;
    if (name == "varargs") macro.uses_varargs = false;
  }
  return out;
}

StatementPtr Parser::macro() {
  StatementPtr out = make(Do::macro, next().line);
  out->macro = std::make_unique<MacroCode>();
  const Token token = expect(Tok::name, "the macro's name");
  out->macro->name = token.text;
  out->id = id_of(token.text);
  signature(*out->macro);
  out->macro->body = macro_body(*out->macro, "endmacro");
  return out;
}

StatementPtr Parser::call_block() {
  StatementPtr out = make(Do::call_block, next().line);
  out->macro = std::make_unique<MacroCode>();
  out->macro->name = "caller";
  if (is(Tok::lparen)) signature(*out->macro);
  out->exprs.push_back(expression());
  if (out->exprs[0]->op != Op::call) fail(out->line, "{% call %} wants a call");
  out->macro->body = macro_body(*out->macro, "endcall");
  return out;
}

ExprPtr Parser::target_item(bool with_member) {
  const Token token = peek();
  if (token.kind == Tok::lparen) {
    Nested nested(*this);
    next();
    std::vector<ExprPtr> items;
    bool comma = false;
    while (!is(Tok::rparen)) {
      items.push_back(target_item(with_member));
      if (!is(Tok::rparen)) {
        expect(Tok::comma, "','");
        comma = true;
      }
    }
    next();
    if (items.size() == 1 && !comma) return std::move(items[0]);
    return node(Op::tuple, token.line, std::move(items));
  }
  static constexpr std::string_view kWords[] = {"true", "false", "none", "True", "False", "None"};
  if (token.kind != Tok::name || std::count(std::begin(kWords), std::end(kWords), token.text))
    fail("cannot assign to " + describe(token));
  next();
  if (with_member && skip(Tok::dot)) {
    std::vector<ExprPtr> space;
    space.push_back(name(token));
    ExprPtr out = node(Op::member, token.line, std::move(space));
    out->text = expect(Tok::name, "an attribute").text;
    return out;
  }
  if (token.text == "loop" && loops_ > 0) fail(token.line, "cannot assign to 'loop' in a loop");
  ExprPtr out = node(Op::name, token.line);
  out->text = token.text;
  out->id = id_of(token.text);
  return out;
}

ExprPtr Parser::target(std::string_view stop, bool with_member) {
  const int line = peek().line;
  ExprPtr first = target_item(with_member);
  if (!is(Tok::comma)) return first;
  std::vector<ExprPtr> items;
  items.push_back(std::move(first));
  while (skip(Tok::comma)) {
    if (is(Tok::assign) || is(Tok::block_end) || (!stop.empty() && is_name(stop))) break;
    items.push_back(target_item(with_member));
  }
  return node(Op::tuple, line, std::move(items));
}

}  // namespace serval::jinja
