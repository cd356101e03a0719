// Tokens to a Program. Precedence and grammar are jinja2's; nesting is bounded.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/jinja/ast.h"
#include "common/jinja/lexer.h"

namespace serval::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // Throws Failure.
  Program parse();

 private:
  static constexpr int kMaxNesting = 200;    // parentheses, blocks and the like inside each other
  static constexpr int kMaxExprDepth = 300;  // nodes from the top of an expression to a leaf

  struct Nested {  // one level of nesting
    explicit Nested(Parser& parser);
    ~Nested() { --parser.nesting_; }
    Parser& parser;
  };

  // tokens
  const Token& peek(std::size_t ahead = 0) const;
  bool is(Tok kind) const { return peek().kind == kind; }
  bool is_name(std::string_view text, std::size_t ahead = 0) const;
  Token next();
  bool skip(Tok kind);
  bool skip_name(std::string_view text);
  Token expect(Tok kind, std::string_view what);
  void expect_name(std::string_view text);
  [[noreturn]] void fail(const std::string& message) const;
  [[noreturn]] void fail(int line, const std::string& message) const;
  int id_of(const std::string& name);

  // expressions (parser_expr.cc)
  ExprPtr node(Op op, int line, std::vector<ExprPtr> children = {});
  void settle(Expr& expr);  // works out the depth, refuses too much of it
  ExprPtr expression(bool with_conditional = true);
  ExprPtr conditional();
  ExprPtr or_();
  ExprPtr and_();
  ExprPtr not_();
  ExprPtr compare();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter = true);
  ExprPtr primary();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr object);
  ExprPtr filters(ExprPtr object);
  ExprPtr subscript(ExprPtr object);
  ExprPtr subscript_argument(ExprPtr object);
  ExprPtr call(ExprPtr callee);
  ExprPtr filter(ExprPtr object, bool first_inline);
  ExprPtr test(ExprPtr object);
  Arguments arguments();
  // Like expression(), but commas make a tuple. `stop`: a name that ends it too.
  ExprPtr tuple(bool with_conditional, std::string_view stop = {}, bool parenthesized = false);
  ExprPtr name(const Token& token);
  void unknown(const char* kind, const Expr& expr);

  // statements (parser.cc)
  Body body(const std::vector<std::string_view>& ends);
  Body until(const std::vector<std::string_view>& ends);
  StatementPtr statement();
  StatementPtr for_();
  StatementPtr if_();
  StatementPtr set();
  StatementPtr macro();
  StatementPtr call_block();
  StatementPtr filter_block();
  StatementPtr with();
  StatementPtr generation();
  StatementPtr print();
  StatementPtr jump(Do what);
  ExprPtr target(std::string_view stop = {}, bool with_member = false);
  ExprPtr target_item(bool with_member);
  void signature(MacroCode& macro);
  Body macro_body(MacroCode& macro, const char* end);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  // for loops around here, inside the innermost macro
  std::vector<MacroCode*> macros_;
  std::map<std::string, int, std::less<>> ids_;
  Program program_;
  // Filters and tests nobody has heard of. One inside an `if` fails only once it is run, as a
  // template may ask first whether it exists.
  std::vector<std::pair<int, std::string>> unknown_;
};

}  // namespace serval::jinja
