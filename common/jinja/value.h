// The values a template computes with: Python's, as far as a chat template can tell. Values are
// immutable and shared; the few things that change (namespaces, loops, generators) live as long as
// the rendering that made them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace serval::jinja {

class Value;
struct Namespace;
struct Macro;
struct Loop;
struct Global;
struct Method;

// Wide enough for every integer JSON gives us, including the top half of uint64; Python's integers
// have no end, ours refuse to overflow.
using Int = __int128;

struct None {
  bool operator==(const None&) const = default;
};

// A missing variable, attribute or item: prints as nothing, is false and empty, and any other use
// fails with `message`.
struct Undefined {
  std::string message;
};

struct String {
  std::string text;     // UTF-8
  std::size_t length;   // code points
  bool markup = false;  // made by |safe or |escape: what is added to it is escaped
};

// Everything with a length and positions. Only list, tuple and range can be indexed.
enum class Seq : uint8_t { list, tuple, range, keys, values, items };

struct List {
  std::vector<Value> items;
  Seq kind = Seq::list;
  int depth = 1;                 // levels of containers, this one included
  uint64_t weight = 1;           // what walking it costs, shared parts counted each time
  int64_t range[3] = {0, 0, 1};  // start, stop, step of a range
};

// What map(), select() and their kin return: can be walked once and is always true.
struct Generator {
  std::vector<Value> items;
  std::size_t next = 0;
  int depth = 1;
  uint64_t weight = 1;
};

// Keeps the order of insertion. Built once, then only read.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const;
  std::size_t other_keys() const { return others_.size(); }  // those that are no strings
  const Value* find(std::string_view key) const;
  const Value* find(const Value& key) const;
  // Replaces the value of an equal key, else appends.
  void set(Value key, Value value);
  int depth() const { return depth_; }
  uint64_t weight() const { return weight_; }

 private:
  std::size_t position(const Value& key) const;
  std::size_t position(std::string_view key) const;

  std::vector<Entry> entries_;
  std::map<std::string_view, uint32_t> by_text_;  // string keys; filled once a scan would be slow
  std::vector<uint32_t> others_;                  // positions of the other keys
  int depth_ = 1;
  uint64_t weight_ = 1;
};

using Held =
    std::variant<std::shared_ptr<const Undefined>, None, bool, Int, double,
                 std::shared_ptr<const String>, std::shared_ptr<const List>,
                 std::shared_ptr<Generator>, std::shared_ptr<const Dict>, Namespace*, const Macro*,
                 std::shared_ptr<Loop>, const Global*, std::shared_ptr<const Method>>;

class Value {
 public:
  Value() : held_(None{}) {}
  Value(bool b) : held_(b) {}
  Value(Int i) : held_(i) {}
  Value(double d) : held_(d) {}
  template <class T>
  Value(std::shared_ptr<T> object) : held_(std::move(object)) {}
  Value(Namespace* space) : held_(space) {}
  Value(const Macro* macro) : held_(macro) {}
  Value(const Global* global) : held_(global) {}
  // A pointer must not turn into true.
  template <class T>
  Value(T*) = delete;

  bool is_undefined() const { return holds<std::shared_ptr<const Undefined>>(); }
  bool is_none() const { return holds<None>(); }
  bool is_bool() const { return holds<bool>(); }
  bool is_int() const { return holds<Int>(); }
  bool is_float() const { return holds<double>(); }
  bool is_string() const { return holds<std::shared_ptr<const String>>(); }
  bool is_list() const { return holds<std::shared_ptr<const List>>(); }
  bool is_dict() const { return holds<std::shared_ptr<const Dict>>(); }
  bool is_generator() const { return holds<std::shared_ptr<Generator>>(); }
  bool is_namespace() const { return holds<Namespace*>(); }
  bool is_loop() const { return holds<std::shared_ptr<Loop>>(); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_integral() const { return is_bool() || is_int(); }
  bool is_callable() const {
    return holds<const Macro*>() || holds<const Global*>() ||
           holds<std::shared_ptr<const Method>>() || is_loop();
  }

  // REQUIRES: the value is of that kind
  bool as_bool() const { return std::get<bool>(held_); }
  Int as_int() const { return is_bool() ? Int{as_bool()} : std::get<Int>(held_); }
  double as_double() const { return is_float() ? std::get<double>(held_) : double(as_int()); }
  const String& string() const { return *std::get<std::shared_ptr<const String>>(held_); }
  const std::string& text() const { return string().text; }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(held_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(held_); }
  Generator& generator() const { return *std::get<std::shared_ptr<Generator>>(held_); }
  const Undefined& undefined() const { return *std::get<std::shared_ptr<const Undefined>>(held_); }
  Namespace& space() const { return *std::get<Namespace*>(held_); }
  const std::shared_ptr<Loop>& loop() const { return std::get<std::shared_ptr<Loop>>(held_); }

  const Held& held() const { return held_; }
  bool is_seq(Seq kind) const { return is_list() && list().kind == kind; }

 private:
  template <class T>
  bool holds() const {
    return std::holds_alternative<T>(held_);
  }
  Held held_;
};

// namespace(): the one thing a template may change from inside a loop. Owned by the rendering, so
// that a namespace inside itself is no leak.
struct Namespace {
  Dict members;
};

// `"text".split`: a method and the value it belongs to.
using MethodId = uint16_t;
struct Method {
  Value self;
  MethodId id;
};

constexpr uint64_t kMaxWeight = uint64_t{1} << 48;

// Python's `bool(value)`.
bool truth(const Value& value);
// Python's `==`. True and 1 and 1.0 are equal, a list and a tuple are not.
bool equal(const Value& a, const Value& b);
// Containers inside containers; 0 for a plain value.
int depth_of(const Value& value);
// Steps it takes to walk the whole value; saturates far above every limit.
uint64_t weight_of(const Value& value);
inline uint64_t add_weight(uint64_t a, uint64_t b) { return std::min(a + b, kMaxWeight); }
// The name Python gives the type: "str", "dict", ...
std::string_view type_name(const Value& value);

// Most levels of containers inside containers: recursion over a value stays far from the stack's
// end.
constexpr int kMaxValueDepth = 200;

}  // namespace serval::jinja
