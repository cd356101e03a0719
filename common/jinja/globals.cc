// Functions every template can call.
#include <algorithm>
#include <iterator>
#include <time.h>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

Value range(Runtime& run, const Value&, Args& args) {
  if (!args.named.empty()) run.fail("range() takes no keyword arguments");
  const auto& given = args.positional;
  if (given.empty() || given.size() > 3) run.fail("range() takes one to three numbers");
  int64_t numbers[3] = {0, 0, 1};
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].is_undefined()) run.fail(given[i].undefined().message);
    numbers[given.size() == 1 ? 1 : i] = to_index(run, given[i], "an argument of range()");
  }
  return run.range(numbers[0], numbers[1], numbers[2]);
}

// dict(mapping or pairs, key=value ...)
Dict build_dict(Runtime& run, Args& args) {
  if (args.positional.size() > 1) run.fail("dict expected at most 1 argument");
  Dict out;
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.is_dict()) {
      for (const auto& [key, value] : from.dict().entries()) run.put(out, key, value);
    } else {
      for (const Value& pair : run.iterate(from)) {
        const std::vector<Value> parts = run.iterate(pair);
        if (parts.size() != 2) run.fail("dict() wants pairs of a key and a value");
        run.put(out, parts[0], parts[1]);
      }
    }
  }
  for (auto& [key, value] : args.named) run.put(out, run.text(key), value);
  return out;
}

Value dict(Runtime& run, const Value&, Args& args) { return run.dict(build_dict(run, args)); }

Value make_namespace(Runtime& run, const Value&, Args& args) {
  Dict members = build_dict(run, args);
  Namespace* space = run.make_namespace();
  space->members = std::move(members);
  return Value(space);
}

// The template says itself what is wrong with the conversation: its words are the whole message.
Value raise_exception(Runtime& run, const Value&, Args& args) {
  Reader read(run, "raise_exception", args);
  const Value message = read.need("message");
  read.finish();
  throw Failure{Code::invalid_argument, run.str(message), 0};
}

// What Python's strftime makes of a time without a zone and without parts of a second.
std::string plain_format(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    const char c = format[++i];
    if (c == 'f')
      out += "000000";
    else if (c != 'z' && c != 'Z')
      out += {'%', c};
  }
  return out;
}

Value strftime_now(Runtime& run, const Value&, Args& args) {
  constexpr std::size_t kLongest = 1000;
  Reader read(run, "strftime_now", args);
  const std::string given = read.text("format", "");
  read.finish();
  if (given.size() > kLongest) run.fail("the format of strftime_now() is too long");
  const std::time_t now = run.options().now.value_or(std::time(nullptr));
  std::tm local{};
  if (!localtime_r(&now, &local)) run.fail("strftime_now(): there is no such time");
  // A mark at the end tells an empty result from one that did not fit.
  const std::string format = plain_format(given) + "|";
  char buffer[16 * kLongest];
  const std::size_t size = std::strftime(buffer, sizeof buffer, format.c_str(), &local);
  if (size == 0) run.fail("the result of strftime_now() is too long");
  return run.text(std::string(buffer, size - 1));
}

constexpr Global kGlobals[] = {{"range", range},
                               {"dict", dict},
                               {"namespace", make_namespace},
                               {"raise_exception", raise_exception},
                               {"strftime_now", strftime_now}};

}  // namespace

const Global* find_global(std::string_view name) {
  const auto at = std::find_if(std::begin(kGlobals), std::end(kGlobals),
                               [&](const Global& g) { return g.name == name; });
  return at == std::end(kGlobals) ? nullptr : at;
}

}  // namespace serval::jinja
