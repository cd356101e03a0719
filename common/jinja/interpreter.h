// Walks a Program and writes the text. One Interpreter renders once, on one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/jinja/ast.h"
#include "common/jinja/loop.h"
#include "common/jinja/runtime.h"

namespace serval::jinja {

// Variables of one block. A name is looked up here, then in the enclosing blocks.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> p) : parent(std::move(p)) {}
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<int, Value>> variables;
};

// A macro and the scope it was defined in.
struct Macro {
  const MacroCode* code;
  std::shared_ptr<Scope> scope;
};

class Interpreter final : public Runtime {
 public:
  Interpreter(const Program& program, const RenderOptions& options)
      : Runtime(options), program_(program) {}

  // Throws Failure.
  std::string run(const json::object& context);

  Value call(const Value& callee, Args& args) override;

  Namespace* make_namespace() override;

 private:
  enum class Flow : uint8_t { next, break_, continue_ };
  // Sets the innermost scope for its lifetime.
  class Enter;

  // statements (interpreter.cc)
  Flow run(const Body& body);
  Flow run(const Statement& statement);
  Flow run_if(const Statement& statement);
  Flow run_for(const Statement& statement, std::vector<Value> items, int depth0);
  Flow run_with(const Statement& statement);
  Flow set_block(const Statement& statement);
  Flow filter_block(const Statement& statement);
  void define_macro(const Statement& statement);
  void call_block(const Statement& statement);
  std::vector<Value> loop_items(const Statement& statement, const Value& iterable);
  void assign(const Expr& target, const Value& value);
  void unpack(const Expr& target, const Value& value);
  void write(const Value& value);
  Value call_macro(const Macro& macro, Args& args);
  Value call_loop(const std::shared_ptr<Loop>& loop, Args& args);
  const Macro* make_macro(const MacroCode& code);
  // Runs `body` into a string of its own.
  std::pair<std::string, Flow> capture(const Body& body);

  // expressions (eval.cc)
  Value eval(const Expr& expr);
  Value eval_operator(const Expr& expr);
  Value eval_container(const Expr& expr);
  Value eval_compare(const Expr& expr);
  Value eval_call(const Expr& expr);
  Value eval_concat(const Expr& expr);
  Value apply(const Expr& expr, const Value& self);  // a filter or test
  Value filter_chain(const Expr& expr, const Value& self);
  Args arguments(const Arguments& from);
  Value lookup(const Expr& name);
  void set(int id, Value value);
  Value from_json(const json::value& value, int depth);

  const Program& program_;
  std::shared_ptr<Scope> scope_;
  std::string* out_ = nullptr;
  int calls_ = 0;  // macros inside macros
  std::vector<std::unique_ptr<Macro>> macros_;
  std::vector<std::unique_ptr<Namespace>> spaces_;
};

}  // namespace serval::jinja
