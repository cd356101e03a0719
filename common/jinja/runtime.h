// What filters, methods and operators need of the rendering they run in: its limits, and the making
// of values under those limits.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/jinja/failure.h"
#include "common/jinja/registry.h"
#include "common/jinja/template.h"
#include "common/jinja/value.h"

namespace serval::jinja {

class Runtime {
 public:
  explicit Runtime(const RenderOptions& options) : options_(options) {}
  virtual ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const RenderOptions& options() const { return options_; }
  int line() const { return line_; }

  // Stops the rendering: the template's fault, at the current line.
  [[noreturn]] void fail(std::string message) const { fail_at(line_, std::move(message)); }
  // Stops it because a limit is used up.
  [[noreturn]] void exhausted(std::string message) const;

  // Work done. `spend` counts nodes and elements, `read` bytes looked at.
  void spend(uint64_t steps) {
    steps_ += steps;
    if (steps_ > options_.max_steps) exhausted("the template takes too many steps");
  }
  void read(std::size_t bytes) { spend(bytes / 64); }
  // Memory taken by values. Never given back: a bound on the sum is a bound on the peak.
  void take(std::size_t bytes);
  // Says no before a string of `size` bytes is made.
  void check_text(std::size_t size) const;

  Value text(std::string text, bool markup = false);
  Value text(std::string_view view) { return text(std::string(view)); }
  Value text(const char* view) { return text(std::string(view)); }
  Value list(std::vector<Value> items, Seq kind = Seq::list);
  Value range(int64_t start, int64_t stop, int64_t step);
  Value generator(std::vector<Value> items);
  Value dict(Dict dict);
  Value undefined(std::string message);
  Value method(const Value& self, MethodId id);
  // dict.set() for a key a template made: refuses what cannot be hashed.
  void put(Dict& dict, const Value& key, Value value);

  // Python's protocols. All fail with Python's reasons.
  std::vector<Value> iterate(const Value& value);  // uses up a generator
  Int length(const Value& value);
  std::string str(const Value& value);
  std::string repr(const Value& value);
  bool equals(const Value& a, const Value& b);  // ==, with its cost counted
  bool less(const Value& a, const Value& b);    // <
  bool contains(const Value& container, const Value& item);
  Value getattr(const Value& object, const std::string& name);
  Value getitem(const Value& object, const Value& key);
  Value slice(const Value& object, const Value& start, const Value& stop, const Value& step);

  virtual Value call(const Value& callee, Args& args) = 0;
  // Lives until the end of the rendering.
  virtual Namespace* make_namespace() = 0;

  // Fails if the stack or the depth is used up; lives as long as the level.
  class Level {
   public:
    explicit Level(Runtime& run);
    ~Level() { --run_.levels_; }

   private:
    Runtime& run_;
  };

 protected:
  [[noreturn]] void missing(const Undefined& undefined) const { fail(undefined.message); }
  void append_repr(std::string& out, const Value& value);
  Value macro_attribute(const Value& object, const std::string& name);
  Value loop_attribute(const Value& object, const std::string& name);

  const RenderOptions& options_;
  int line_ = 1;
  uint64_t steps_ = 0;
  std::size_t taken_ = 0;
  int levels_ = 0;
  const char* stack_base_ = nullptr;
};

// Arguments by name. Reads them in any order; `finish` refuses those nobody asked for.
class Reader {
 public:
  Reader(Runtime& run, std::string_view function, Args& args)
      : run_(run), function_(function), args_(args), used_(args.named.size()) {}

  // The argument at this position or of this name; null if it was not given.
  const Value* find(std::string_view name);
  Value get(std::string_view name, Value otherwise);
  Value need(std::string_view name);
  bool flag(std::string_view name, bool otherwise);
  int64_t integer(std::string_view name, int64_t otherwise);
  std::string text(std::string_view name, std::string_view otherwise);  // fails for no string
  void finish();

 private:
  Runtime& run_;
  std::string_view function_;
  Args& args_;
  std::size_t position_ = 0;
  std::vector<bool> used_;
};

// Operators (operators.cc).
Value add(Runtime& run, const Value& a, const Value& b);
Value arithmetic(Runtime& run, char op, const Value& a, const Value& b);  // - * / %
Value floor_divide(Runtime& run, const Value& a, const Value& b);
Value power(Runtime& run, const Value& a, const Value& b);
Value negate(Runtime& run, const Value& a);

// json.dumps as transformers' tojson calls it (json_text.cc).
struct JsonStyle {
  bool ascii = false, sort_keys = false, pretty = false;
  std::string indent, comma = ", ", colon = ": ";
};
std::string json_text(Runtime& run, const Value& value, const JsonStyle& style);

// "..." % values and "...".format() (format.cc).
std::string percent_format(Runtime& run, const std::string& pattern, const Value& values);
std::string brace_format(Runtime& run, const std::string& pattern, Args& args);

// Methods of str, list, tuple and dict (methods.cc). -1: there is none of this name.
int find_method(const Value& object, std::string_view name);
Value call_method(Runtime& run, const Method& method, Args& args);
// A method Python has and this library has not, or one the sandbox forbids.
bool is_known_attribute(const Value& object, std::string_view name);
bool is_forbidden(const Value& object, std::string_view name);

std::string int_text(Int value);
// A position or count; fails if it does not fit.
int64_t to_index(Runtime& run, const Value& value, std::string_view what);
// Shared by map, sort and the like: a dotted path of attributes.
Value attribute_path(Runtime& run, Value object, const Value& path, const Value* otherwise);

}  // namespace serval::jinja
