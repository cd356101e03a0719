// Expressions: one function a level of precedence, loosest first.
#include <algorithm>

#include "common/jinja/failure.h"
#include "common/jinja/parser.h"
#include "common/jinja/text.h"

namespace serval::jinja {

void Parser::settle(Expr& expr) {
  int depth = 0;
  const auto look = [&](const ExprPtr& child) {
    if (child) depth = std::max(depth, child->depth);
  };
  for (const ExprPtr& child : expr.children) look(child);
  for (const ExprPtr& child : expr.arguments.positional) look(child);
  for (const auto& [key, child] : expr.arguments.named) look(child);
  look(expr.arguments.star);
  look(expr.arguments.double_star);
  expr.depth = depth + 1;
  if (expr.depth > kMaxExprDepth)
    fail(expr.line, "an expression of more than " + std::to_string(kMaxExprDepth) + " levels");
}

ExprPtr Parser::node(Op op, int line, std::vector<ExprPtr> children) {
  auto expr = std::make_unique<Expr>();
  expr->op = op;
  expr->line = line;
  expr->children = std::move(children);
  settle(*expr);
  return expr;
}

namespace {

std::vector<ExprPtr> pack(ExprPtr a) {
  std::vector<ExprPtr> out;
  out.push_back(std::move(a));
  return out;
}
std::vector<ExprPtr> pack(ExprPtr a, ExprPtr b) {
  std::vector<ExprPtr> out = pack(std::move(a));
  out.push_back(std::move(b));
  return out;
}

}  // namespace

ExprPtr Parser::expression(bool with_conditional) {
  return with_conditional ? conditional() : or_();
}

ExprPtr Parser::conditional() {
  Nested nested(*this);
  int line = peek().line;
  const std::size_t known = unknown_.size();
  ExprPtr then = or_();
  while (skip_name("if")) {
    std::vector<ExprPtr> parts = pack(or_(), std::move(then));
    parts.push_back(skip_name("else") ? conditional() : nullptr);
    then = node(Op::conditional, line, std::move(parts));
    unknown_.resize(known);
    line = peek().line;
  }
  return then;
}

ExprPtr Parser::or_() {
  const int line = peek().line;
  ExprPtr left = and_();
  while (skip_name("or")) left = node(Op::or_, line, pack(std::move(left), and_()));
  return left;
}

ExprPtr Parser::and_() {
  const int line = peek().line;
  ExprPtr left = not_();
  while (skip_name("and")) left = node(Op::and_, line, pack(std::move(left), not_()));
  return left;
}

ExprPtr Parser::not_() {
  if (!is_name("not")) return compare();
  Nested nested(*this);
  const int line = next().line;
  return node(Op::not_, line, pack(not_()));
}

ExprPtr Parser::compare() {
  const int line = peek().line;
  std::vector<ExprPtr> operands = pack(sum());
  std::vector<Compare> compares;
  for (;;) {
    if (is(Tok::eq))
      compares.push_back(Compare::eq);
    else if (is(Tok::ne))
      compares.push_back(Compare::ne);
    else if (is(Tok::lt))
      compares.push_back(Compare::lt);
    else if (is(Tok::le))
      compares.push_back(Compare::le);
    else if (is(Tok::gt))
      compares.push_back(Compare::gt);
    else if (is(Tok::ge))
      compares.push_back(Compare::ge);
    else if (is_name("in"))
      compares.push_back(Compare::in);
    else if (is_name("not") && is_name("in", 1)) {
      next();
      compares.push_back(Compare::not_in);
    } else {
      break;
    }
    next();
    operands.push_back(sum());
  }
  if (compares.empty()) return std::move(operands[0]);
  ExprPtr out = node(Op::compare, line, std::move(operands));
  out->compares = std::move(compares);
  return out;
}

ExprPtr Parser::sum() {
  const int line = peek().line;
  ExprPtr left = concat();
  while (is(Tok::add) || is(Tok::sub)) {
    const Op op = next().kind == Tok::add ? Op::add : Op::sub;
    left = node(op, line, pack(std::move(left), concat()));
  }
  return left;
}

ExprPtr Parser::concat() {
  const int line = peek().line;
  std::vector<ExprPtr> parts = pack(product());
  while (skip(Tok::tilde)) parts.push_back(product());
  if (parts.size() == 1) return std::move(parts[0]);
  return node(Op::concat, line, std::move(parts));
}

ExprPtr Parser::product() {
  const int line = peek().line;
  ExprPtr left = power();
  while (is(Tok::mul) || is(Tok::div) || is(Tok::floordiv) || is(Tok::mod)) {
    const Tok kind = next().kind;
    const Op op = kind == Tok::mul   ? Op::mul
                  : kind == Tok::div ? Op::div
                  : kind == Tok::mod ? Op::mod
                                     : Op::floordiv;
    left = node(op, line, pack(std::move(left), power()));
  }
  return left;
}

ExprPtr Parser::power() {
  const int line = peek().line;
  ExprPtr left = unary();
  while (skip(Tok::pow)) left = node(Op::pow, line, pack(std::move(left), unary()));
  return left;
}

ExprPtr Parser::unary(bool with_filter) {
  Nested nested(*this);
  const int line = peek().line;
  ExprPtr out;
  if (skip(Tok::sub))
    out = node(Op::negate, line, pack(unary(false)));
  else if (skip(Tok::add))
    out = node(Op::plus, line, pack(unary(false)));
  else
    out = primary();
  out = postfix(std::move(out));
  return with_filter ? filters(std::move(out)) : std::move(out);
}

ExprPtr Parser::name(const Token& token) {
  ExprPtr out = node(Op::name, token.line);
  out->text = token.text;
  out->id = id_of(token.text);
  for (MacroCode* macro : macros_) {
    macro->uses_caller |= out->id == program_.caller;
    macro->uses_kwargs |= out->id == program_.kwargs;
    macro->uses_varargs |= out->id == program_.varargs;
  }
  return out;
}

ExprPtr Parser::primary() {
  const Token token = peek();
  const auto constant = [&](Value value) {
    ExprPtr out = node(Op::constant, token.line);
    out->constant = std::move(value);
    return out;
  };
  switch (token.kind) {
    case Tok::name:
      next();
      if (token.text == "true" || token.text == "True") return constant(true);
      if (token.text == "false" || token.text == "False") return constant(false);
      if (token.text == "none" || token.text == "None") return constant(Value());
      return name(token);
    case Tok::string: {
      std::string text;
      while (is(Tok::string)) text += next().text;  // neighbours are one string
      const std::size_t length = count_code_points(text);
      return constant(std::make_shared<const String>(String{std::move(text), length}));
    }
    case Tok::integer:
      next();
      return constant(token.integer);
    case Tok::floating:
      next();
      return constant(token.floating);
    case Tok::lparen: {
      next();
      ExprPtr out = tuple(true, {}, true);
      expect(Tok::rparen, "')'");
      return out;
    }
    case Tok::lbracket:
      return list();
    case Tok::lbrace:
      return dict();
    case Tok::eof:
      fail("the template ends inside an expression");
    case Tok::variable_end:
    case Tok::block_end:
      fail("expected an expression, found the end of the tag");
    default:
      fail("unexpected " + quote(token.text));
  }
}

ExprPtr Parser::list() {
  const int line = next().line;
  std::vector<ExprPtr> items;
  while (!is(Tok::rbracket)) {
    if (!items.empty()) expect(Tok::comma, "','");
    if (is(Tok::rbracket)) break;
    items.push_back(expression());
  }
  next();
  return node(Op::list, line, std::move(items));
}

ExprPtr Parser::dict() {
  const int line = next().line;
  std::vector<ExprPtr> items;
  while (!is(Tok::rbrace)) {
    if (!items.empty()) expect(Tok::comma, "','");
    if (is(Tok::rbrace)) break;
    items.push_back(expression());
    expect(Tok::colon, "':'");
    items.push_back(expression());
  }
  next();
  return node(Op::dict, line, std::move(items));
}

ExprPtr Parser::tuple(bool with_conditional, std::string_view stop, bool parenthesized) {
  const int line = peek().line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) expect(Tok::comma, "','");
    if (is(Tok::variable_end) || is(Tok::block_end) || is(Tok::rparen) ||
        (!stop.empty() && is_name(stop)))
      break;
    items.push_back(expression(with_conditional));
    if (!is(Tok::comma)) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !parenthesized) fail("expected an expression");
  return node(Op::tuple, line, std::move(items));
}

ExprPtr Parser::postfix(ExprPtr object) {
  for (;;) {
    if (is(Tok::dot) || is(Tok::lbracket))
      object = subscript(std::move(object));
    else if (is(Tok::lparen))
      object = call(std::move(object));
    else
      return object;
  }
}

ExprPtr Parser::filters(ExprPtr object) {
  for (;;) {
    if (is(Tok::pipe))
      object = filter(std::move(object), false);
    else if (is_name("is"))
      object = test(std::move(object));
    else if (is(Tok::lparen))
      object = call(std::move(object));
    else
      return object;
  }
}

ExprPtr Parser::subscript(ExprPtr object) {
  const Token token = next();
  if (token.kind == Tok::lbracket) return subscript_argument(std::move(object));
  const Token attribute = next();
  if (attribute.kind == Tok::name) {
    ExprPtr out = node(Op::getattr, token.line, pack(std::move(object)));
    out->text = attribute.text;
    return out;
  }
  if (attribute.kind != Tok::integer) fail(attribute.line, "expected a name or number behind '.'");
  ExprPtr index = node(Op::constant, attribute.line);
  index->constant = attribute.integer;
  return node(Op::getitem, token.line, pack(std::move(object), std::move(index)));
}

// Behind '[': an index, a slice, or several that make a tuple.
ExprPtr Parser::subscript_argument(ExprPtr object) {
  const int line = peek().line;
  std::vector<ExprPtr> items;
  while (!is(Tok::rbracket)) {
    if (!items.empty()) expect(Tok::comma, "','");
    ExprPtr first = is(Tok::colon) ? nullptr : expression();
    if (!is(Tok::colon)) {
      items.push_back(std::move(first));
      continue;
    }
    if (!items.empty()) fail("a slice inside a tuple of subscripts");
    const auto bound = [&]() -> ExprPtr {
      const bool none = is(Tok::colon) || is(Tok::rbracket) || is(Tok::comma);
      return none ? nullptr : expression();
    };
    std::vector<ExprPtr> parts = pack(std::move(object), std::move(first));
    next();
    parts.push_back(bound());
    parts.push_back(skip(Tok::colon) ? bound() : nullptr);
    expect(Tok::rbracket, "']'");
    return node(Op::slice, line, std::move(parts));
  }
  next();
  ExprPtr index = items.size() == 1 ? std::move(items[0]) : node(Op::tuple, line, std::move(items));
  return node(Op::getitem, line, pack(std::move(object), std::move(index)));
}

Arguments Parser::arguments() {
  const int line = expect(Tok::lparen, "'('").line;
  Arguments out;
  const auto ensure = [&](bool good) {
    if (!good) fail(line, "invalid order of arguments in a call");
  };
  bool first = true;
  while (!is(Tok::rparen)) {
    if (!first) {
      expect(Tok::comma, "','");
      if (is(Tok::rparen)) break;
    }
    first = false;
    if (skip(Tok::mul)) {
      ensure(!out.star && !out.double_star);
      out.star = expression();
    } else if (skip(Tok::pow)) {
      ensure(!out.double_star);
      out.double_star = expression();
    } else if (is(Tok::name) && peek(1).kind == Tok::assign) {
      ensure(!out.double_star);
      std::string key = next().text;
      next();
      for (const auto& [known, value] : out.named)
        if (known == key) fail("argument " + quote(key) + " is given twice");
      out.named.emplace_back(std::move(key), expression());
    } else {
      ensure(!out.star && !out.double_star && out.named.empty());
      out.positional.push_back(expression());
    }
  }
  next();
  return out;
}

ExprPtr Parser::call(ExprPtr callee) {
  ExprPtr out = node(Op::call, peek().line, pack(std::move(callee)));
  out->arguments = arguments();
  settle(*out);
  return out;
}

void Parser::unknown(const char* kind, const Expr& expr) {
  unknown_.emplace_back(expr.line, std::string("no ") + kind + " named " + quote(expr.text));
}

ExprPtr Parser::filter(ExprPtr object, bool first_inline) {
  while (first_inline || is(Tok::pipe)) {
    if (!first_inline) next();
    first_inline = false;
    const Token token = expect(Tok::name, "the name of a filter");
    ExprPtr out = node(Op::filter, token.line, pack(std::move(object)));
    out->text = token.text;
    while (skip(Tok::dot)) out->text += "." + expect(Tok::name, "a name").text;
    out->builtin = find_filter(out->text);
    if (!out->builtin) unknown("filter", *out);
    if (is(Tok::lparen)) out->arguments = arguments();
    settle(*out);
    object = std::move(out);
  }
  return object;
}

ExprPtr Parser::test(ExprPtr object) {
  const int line = next().line;
  const bool negated = skip_name("not");
  ExprPtr out = node(Op::test, line, pack(std::move(object)));
  out->text = expect(Tok::name, "the name of a test").text;
  while (skip(Tok::dot)) out->text += "." + expect(Tok::name, "a name").text;
  out->builtin = find_test(out->text);
  if (!out->builtin) unknown("test", *out);
  if (is(Tok::lparen)) {
    out->arguments = arguments();
  } else if ((is(Tok::name) && !is_name("else") && !is_name("or") && !is_name("and")) ||
             is(Tok::string) || is(Tok::integer) || is(Tok::floating) || is(Tok::lbracket) ||
             is(Tok::lbrace)) {
    if (is_name("is")) fail("tests cannot be chained with 'is'");
    Nested nested(*this);
    out->arguments.positional.push_back(postfix(primary()));
  }
  settle(*out);
  return negated ? node(Op::not_, line, pack(std::move(out))) : std::move(out);
}

}  // namespace serval::jinja
