// Statements. Expressions are in eval.cc.
#include "common/jinja/interpreter.h"

#include "common/jinja/text.h"

namespace serval::jinja {

class Interpreter::Enter {
 public:
  Enter(Interpreter& run, std::shared_ptr<Scope> scope)
      : run_(run), outer_(std::exchange(run.scope_, std::move(scope))) {}
  ~Enter() { run_.scope_ = std::move(outer_); }

 private:
  Interpreter& run_;
  std::shared_ptr<Scope> outer_;
};

std::string Interpreter::run(const json::object& context) {
  Level level(*this);
  scope_ = std::make_shared<Scope>(nullptr);
  for (std::size_t id = 0; id < program_.names.size(); ++id) {
    const std::string& name = program_.names[id];
    if (const json::value* given = context.if_contains(name))
      set(static_cast<int>(id), from_json(*given, 1));
    else if (const Global* global = find_global(name))
      set(static_cast<int>(id), Value(global));
  }
  std::string out;
  out_ = &out;
  run(program_.body);
  return out;
}

Value Interpreter::from_json(const json::value& value, int depth) {
  constexpr int kMaxDepth = 128;
  if (depth > kMaxDepth) {
    throw Failure{
        Code::invalid_argument,
        "the context of a chat template has more than " + std::to_string(kMaxDepth) + " levels", 0};
  }
  // Not counted against the limits: the caller has this data already.
  switch (value.kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return value.get_bool();
    case json::kind::int64:
      return Int{value.get_int64()};
    case json::kind::uint64:
      return Int{value.get_uint64()};
    case json::kind::double_:
      return value.get_double();
    case json::kind::string: {
      std::string text(value.get_string());
      const std::size_t length = count_code_points(text);
      return std::make_shared<const String>(String{std::move(text), length});
    }
    case json::kind::array: {
      List list;
      for (const json::value& item : value.get_array()) {
        list.items.push_back(from_json(item, depth + 1));
        list.depth = std::max(list.depth, depth_of(list.items.back()) + 1);
        list.weight = add_weight(list.weight, weight_of(list.items.back()));
      }
      return std::make_shared<const List>(std::move(list));
    }
    case json::kind::object: {
      Dict dict;
      for (const auto& [key, member] : value.get_object()) {
        std::string text(key);
        const std::size_t length = count_code_points(text);
        dict.set(std::make_shared<const String>(String{std::move(text), length}),
                 from_json(member, depth + 1));
      }
      return std::make_shared<const Dict>(std::move(dict));
    }
  }
  return {};
}

Interpreter::Flow Interpreter::run(const Body& body) {
  Level level(*this);
  for (const StatementPtr& statement : body)
    if (const Flow flow = run(*statement); flow != Flow::next) return flow;
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Statement& statement) {
  spend(1);
  line_ = statement.line;
  switch (statement.what) {
    case Do::output:
      for (const ExprPtr& expr : statement.exprs) write(eval(*expr));
      return Flow::next;
    case Do::if_:
      return run_if(statement);
    case Do::for_: {
      const Value iterable = eval(*statement.exprs[0]);
      return run_for(statement, loop_items(statement, iterable), 0);
    }
    case Do::set:
      assign(*statement.targets[0], eval(*statement.exprs[0]));
      return Flow::next;
    case Do::set_block:
      return set_block(statement);
    case Do::macro:
      define_macro(statement);
      return Flow::next;
    case Do::call_block:
      call_block(statement);
      return Flow::next;
    case Do::filter_block:
      return filter_block(statement);
    case Do::with:
      return run_with(statement);
    case Do::scope: {
      Enter enter(*this, std::make_shared<Scope>(scope_));
      return run(statement.bodies[0]);
    }
    case Do::break_:
      return Flow::break_;
    case Do::continue_:
      return Flow::continue_;
  }
  return Flow::next;
}

void Interpreter::write(const Value& value) {
  if (value.is_string()) {
    check_text(out_->size() + value.text().size());
    read(value.text().size());
    *out_ += value.text();
    return;
  }
  const std::string text = str(value);
  check_text(out_->size() + text.size());
  *out_ += text;
}

Interpreter::Flow Interpreter::run_if(const Statement& statement) {
  for (std::size_t i = 0; i < statement.exprs.size(); ++i)
    if (truth(eval(*statement.exprs[i]))) return run(statement.bodies[i]);
  if (statement.bodies.size() > statement.exprs.size()) return run(statement.bodies.back());
  return Flow::next;
}

// What the loop goes through: the iterable without what its `if` turns down.
std::vector<Value> Interpreter::loop_items(const Statement& statement, const Value& iterable) {
  std::vector<Value> all = iterate(iterable);
  if (statement.exprs.size() < 2) return all;
  std::vector<Value> kept;
  for (Value& item : all) {
    Enter enter(*this, std::make_shared<Scope>(scope_));
    spend(1);
    assign(*statement.targets[0], item);
    if (truth(eval(*statement.exprs[1]))) kept.push_back(std::move(item));
  }
  return kept;
}

Interpreter::Flow Interpreter::run_for(const Statement& statement, std::vector<Value> items,
                                       int depth0) {
  const auto loop = std::make_shared<Loop>();
  // A loop kept past its end holds nothing: values cannot become a ring through it.
  struct Clear {
    ~Clear() {
      loop.items.clear();
      loop.changed = Value();
    }
    Loop& loop;
  } clear{*loop};
  loop->items = std::move(items);
  loop->depth0 = depth0;
  loop->scope = scope_;
  if (statement.recursive) loop->recursive = &statement;
  bool finished_one = false;  // jinja2: an else also runs if every turn was cut short
  for (std::size_t i = 0; i < loop->items.size(); ++i) {
    spend(1);
    loop->index0 = i;
    Enter enter(*this, std::make_shared<Scope>(scope_));
    set(program_.loop, Value(loop));
    assign(*statement.targets[0], Value(loop->items[i]));
    const Flow flow = run(statement.bodies[0]);
    if (flow == Flow::break_) break;
    if (flow == Flow::next) finished_one = true;
  }
  if (finished_one || statement.bodies.size() < 2) return Flow::next;
  Enter enter(*this, std::make_shared<Scope>(scope_));
  return run(statement.bodies[1]);
}

Interpreter::Flow Interpreter::run_with(const Statement& statement) {
  std::vector<Value> values;
  for (const ExprPtr& expr : statement.exprs) values.push_back(eval(*expr));
  Enter enter(*this, std::make_shared<Scope>(scope_));
  for (std::size_t i = 0; i < values.size(); ++i) assign(*statement.targets[i], values[i]);
  return run(statement.bodies[0]);
}

std::pair<std::string, Interpreter::Flow> Interpreter::capture(const Body& body) {
  struct Restore {
    ~Restore() { slot = outer; }
    std::string*& slot;
    std::string* outer;
  } restore{out_, out_};
  std::string text;
  out_ = &text;
  const Flow flow = run(body);
  take(text.size());
  return {std::move(text), flow};
}

Interpreter::Flow Interpreter::set_block(const Statement& statement) {
  Value value;
  {
    Enter enter(*this, std::make_shared<Scope>(scope_));
    auto [captured, flow] = capture(statement.bodies[0]);
    if (flow != Flow::next) return flow;
    value = text(std::move(captured));
    if (!statement.exprs.empty()) value = filter_chain(*statement.exprs[0], value);
  }
  assign(*statement.targets[0], value);
  return Flow::next;
}

Interpreter::Flow Interpreter::filter_block(const Statement& statement) {
  Enter enter(*this, std::make_shared<Scope>(scope_));
  auto [captured, flow] = capture(statement.bodies[0]);
  if (flow != Flow::next) return flow;
  write(filter_chain(*statement.exprs[0], text(std::move(captured))));
  return Flow::next;
}

const Macro* Interpreter::make_macro(const MacroCode& code) {
  take(sizeof(Macro) + sizeof(Scope));
  macros_.push_back(std::make_unique<Macro>(Macro{&code, scope_}));
  return macros_.back().get();
}

void Interpreter::define_macro(const Statement& statement) {
  set(statement.id, Value(make_macro(*statement.macro)));
}

void Interpreter::call_block(const Statement& statement) {
  const Expr& call_expr = *statement.exprs[0];
  const Value callee = eval(*call_expr.children[0]);
  Args args = arguments(call_expr.arguments);
  args.named.emplace_back("caller", Value(make_macro(*statement.macro)));
  line_ = call_expr.line;
  write(call(callee, args));
}

void Interpreter::assign(const Expr& target, const Value& value) {
  if (target.op == Op::name) return set(target.id, value);
  if (target.op == Op::tuple) return unpack(target, value);
  const Value space = lookup(*target.children[0]);
  if (!space.is_namespace()) fail("cannot assign attribute on non-namespace object");
  put(space.space().members, text(target.text), value);
}

void Interpreter::unpack(const Expr& target, const Value& value) {
  if (value.is_undefined()) missing(value.undefined());
  const std::vector<Value> parts = iterate(value);
  const std::size_t wanted = target.children.size();
  if (parts.size() < wanted)
    fail("not enough values to unpack (expected " + std::to_string(wanted) + ", got " +
         std::to_string(parts.size()) + ")");
  if (parts.size() > wanted)
    fail("too many values to unpack (expected " + std::to_string(wanted) + ")");
  for (std::size_t i = 0; i < wanted; ++i) assign(*target.children[i], parts[i]);
}

Namespace* Interpreter::make_namespace() {
  take(sizeof(Namespace) + 64);
  spaces_.push_back(std::make_unique<Namespace>());
  return spaces_.back().get();
}

Value Interpreter::call(const Value& callee, Args& args) {
  Level level(*this);
  spend(1);
  if (callee.is_undefined()) missing(callee.undefined());
  if (const auto* macro = std::get_if<const Macro*>(&callee.held()))
    return call_macro(**macro, args);
  if (const auto* global = std::get_if<const Global*>(&callee.held()))
    return (*global)->call(*this, Value(), args);
  if (const auto* method = std::get_if<std::shared_ptr<const Method>>(&callee.held()))
    return call_method(*this, **method, args);
  if (callee.is_loop()) return call_loop(callee.loop(), args);
  fail("'" + std::string(type_name(callee)) + "' object is not callable");
}

Value Interpreter::call_macro(const Macro& macro, Args& args) {
  const MacroCode& code = *macro.code;
  struct Count {
    explicit Count(int& n) : n(n) { ++n; }
    ~Count() { --n; }
    int& n;
  } count(calls_);
  if (calls_ > options_.max_depth) exhausted("macros call each other too deeply");

  const int line = line_;
  const auto named = [&](const std::string& name) -> Value* {
    for (auto& [key, value] : args.named)
      if (key == name) return &value;
    return nullptr;
  };
  const auto drop = [&](const std::string& name) {
    std::erase_if(args.named, [&](const auto& arg) { return arg.first == name; });
  };
  Enter enter(*this, std::make_shared<Scope>(macro.scope));
  const std::size_t n = code.parameters.size();
  std::vector<bool> given(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto& [id, name] = code.parameters[i];
    if (i < args.positional.size()) {
      set(id, args.positional[i]);
      given[i] = true;
    } else if (Value* value = named(name)) {
      set(id, *value);
      given[i] = true;
      drop(name);
    }
  }
  if (code.uses_caller) {
    Value* caller = named("caller");
    set(program_.caller, caller ? *caller : undefined("No caller defined"));
    drop("caller");
  }
  const std::string who = "macro " + quote(code.name);
  if (code.uses_kwargs) {
    Dict rest;
    for (auto& [key, value] : args.named) put(rest, text(key), value);
    set(program_.kwargs, dict(std::move(rest)));
  } else if (!args.named.empty()) {
    fail(who + " takes no keyword argument " + quote(args.named[0].first));
  }
  if (code.uses_varargs) {
    std::vector<Value> rest;
    for (std::size_t i = n; i < args.positional.size(); ++i) rest.push_back(args.positional[i]);
    set(program_.varargs, list(std::move(rest), Seq::tuple));
  } else if (args.positional.size() > n) {
    fail(who + " takes not more than " + std::to_string(n) + " argument(s)");
  }
  const std::size_t first_default = n - code.defaults.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (given[i]) continue;
    const auto& [id, name] = code.parameters[i];
    set(id, i < first_default ? undefined("parameter " + quote(name) + " was not provided")
                              : eval(*code.defaults[i - first_default]));
  }
  auto captured = capture(code.body);
  line_ = line;
  return text(std::move(captured.first));
}

// {% for ... recursive %}: loop(items) runs the same loop on other items.
Value Interpreter::call_loop(const std::shared_ptr<Loop>& loop, Args& args) {
  if (!loop->recursive) fail("the loop must have the 'recursive' marker to be called recursively");
  Reader read(*this, "loop", args);
  const Value iterable = read.need("iterable");
  read.finish();
  const std::shared_ptr<Scope> scope = loop->scope.lock();
  if (!scope) fail("this loop has ended");
  Enter enter(*this, scope);
  struct Restore {
    ~Restore() { slot = outer; }
    std::string*& slot;
    std::string* outer;
  } restore{out_, out_};
  std::string captured;
  out_ = &captured;
  run_for(*loop->recursive, loop_items(*loop->recursive, iterable), loop->depth0 + 1);
  return text(std::move(captured));
}

}  // namespace serval::jinja
