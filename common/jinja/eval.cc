// Expressions of an Interpreter.
#include "common/jinja/interpreter.h"
#include "common/jinja/text.h"

namespace serval::jinja {

void Interpreter::set(int id, Value value) {
  for (auto& [known, slot] : scope_->variables) {
    if (known != id) continue;
    slot = std::move(value);
    return;
  }
  take(sizeof(Value));
  scope_->variables.emplace_back(id, std::move(value));
}

Value Interpreter::lookup(const Expr& name) {
  for (const Scope* scope = scope_.get(); scope; scope = scope->parent.get()) {
    spend(scope->variables.size() / 16);
    for (const auto& [id, value] : scope->variables)
      if (id == name.id) return value;
  }
  return undefined(quote(name.text) + " is undefined");
}

Value Interpreter::eval(const Expr& expr) {
  Level level(*this);
  spend(1);
  line_ = expr.line;
  switch (expr.op) {
    case Op::constant:
      return expr.constant;
    case Op::name:
      return lookup(expr);
    case Op::list:
    case Op::tuple:
    case Op::dict:
      return eval_container(expr);
    case Op::call:
      return eval_call(expr);
    case Op::filter:
    case Op::test:
      return apply(expr, eval(*expr.children[0]));
    case Op::compare:
      return eval_compare(expr);
    case Op::concat:
      return eval_concat(expr);
    case Op::not_:
      return !truth(eval(*expr.children[0]));
    case Op::and_: {
      Value left = eval(*expr.children[0]);
      return truth(left) ? eval(*expr.children[1]) : left;
    }
    case Op::or_: {
      Value left = eval(*expr.children[0]);
      return truth(left) ? left : eval(*expr.children[1]);
    }
    case Op::conditional: {
      const ExprPtr& branch = expr.children[truth(eval(*expr.children[0])) ? 1 : 2];
      if (branch) return eval(*branch);
      return undefined("the inline if-expression evaluated to false and has no else");
    }
    default:
      return eval_operator(expr);
  }
}

Value Interpreter::eval_operator(const Expr& expr) {
  const Value a = eval(*expr.children[0]);
  if (expr.op == Op::getattr) {
    line_ = expr.line;
    return getattr(a, expr.text);
  }
  if (expr.op == Op::negate || expr.op == Op::plus) {
    const Value negated = negate(*this, a);
    return expr.op == Op::negate ? negated : negate(*this, negated);
  }
  if (expr.op == Op::slice) {
    const auto part = [&](std::size_t i) {
      return expr.children[i] ? eval(*expr.children[i]) : Value();
    };
    const Value start = part(1), stop = part(2), step = part(3);
    return slice(a, start, stop, step);
  }
  const Value b = eval(*expr.children[1]);
  line_ = expr.line;
  switch (expr.op) {
    case Op::getitem:
      return getitem(a, b);
    case Op::add:
      return add(*this, a, b);
    case Op::sub:
      return arithmetic(*this, '-', a, b);
    case Op::mul:
      return arithmetic(*this, '*', a, b);
    case Op::div:
      return arithmetic(*this, '/', a, b);
    case Op::mod:
      return arithmetic(*this, '%', a, b);
    case Op::floordiv:
      return floor_divide(*this, a, b);
    case Op::pow:
      return power(*this, a, b);
    default:
      fail("this cannot be read, only assigned to");
  }
}

Value Interpreter::eval_container(const Expr& expr) {
  if (expr.op == Op::dict) {
    Dict out;
    for (std::size_t i = 0; i + 1 < expr.children.size(); i += 2) {
      const Value key = eval(*expr.children[i]);
      put(out, key, eval(*expr.children[i + 1]));
    }
    return dict(std::move(out));
  }
  std::vector<Value> items;
  items.reserve(expr.children.size());
  for (const ExprPtr& child : expr.children) items.push_back(eval(*child));
  return list(std::move(items), expr.op == Op::list ? Seq::list : Seq::tuple);
}

Value Interpreter::eval_concat(const Expr& expr) {
  std::string out;
  for (const ExprPtr& child : expr.children) {
    out += str(eval(*child));
    check_text(out.size());
  }
  return text(std::move(out));
}

Value Interpreter::eval_compare(const Expr& expr) {
  Value left = eval(*expr.children[0]);
  for (std::size_t i = 0; i < expr.compares.size(); ++i) {
    Value right = eval(*expr.children[i + 1]);
    line_ = expr.line;
    bool holds = false;
    switch (expr.compares[i]) {
      case Compare::eq:
        holds = equals(left, right);
        break;
      case Compare::ne:
        holds = !equals(left, right);
        break;
      case Compare::lt:
        holds = less(left, right);
        break;
      case Compare::gt:
        holds = less(right, left);
        break;
      case Compare::le:
        holds = less(left, right) || equals(left, right);
        break;
      case Compare::ge:
        holds = less(right, left) || equals(left, right);
        break;
      case Compare::in:
        holds = contains(right, left);
        break;
      case Compare::not_in:
        holds = !contains(right, left);
        break;
    }
    if (!holds) return false;
    left = std::move(right);
  }
  return true;
}

Args Interpreter::arguments(const Arguments& from) {
  Args out;
  for (const ExprPtr& expr : from.positional) out.positional.push_back(eval(*expr));
  if (from.star) {
    const Value rest = eval(*from.star);
    for (Value& value : iterate(rest)) out.positional.push_back(std::move(value));
  }
  for (const auto& [key, expr] : from.named) out.named.emplace_back(key, eval(*expr));
  if (from.double_star) {
    const Value rest = eval(*from.double_star);
    if (!rest.is_dict()) fail("argument after ** must be a mapping");
    for (const auto& [key, value] : rest.dict().entries()) {
      if (!key.is_string()) fail("keywords must be strings");
      for (const auto& [known, other] : out.named) {
        spend(1);
        if (known == key.text()) fail("argument " + quote(known) + " is given twice");
      }
      out.named.emplace_back(key.text(), value);
    }
  }
  return out;
}

Value Interpreter::eval_call(const Expr& expr) {
  const Value callee = eval(*expr.children[0]);
  Args args = arguments(expr.arguments);
  line_ = expr.line;
  return call(callee, args);
}

Value Interpreter::apply(const Expr& expr, const Value& self) {
  const char* kind = expr.op == Op::filter ? "filter" : "test";
  if (!expr.builtin) fail(std::string("no ") + kind + " named " + quote(expr.text));
  Args args = arguments(expr.arguments);
  line_ = expr.line;
  return expr.builtin->call(*this, self, args);
}

// |a|b|c of a block: the innermost filter has no expression to filter, but the block's text.
Value Interpreter::filter_chain(const Expr& expr, const Value& self) {
  Level level(*this);
  const ExprPtr& inner = expr.children[0];
  return apply(expr, inner ? filter_chain(*inner, self) : self);
}

}  // namespace serval::jinja
