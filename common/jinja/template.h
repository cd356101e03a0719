// Chat templates: the part of Jinja2 that model makers use, rendered as transformers'
// apply_chat_template renders it: sandboxed and immutable, trim_blocks and lstrip_blocks on, one
// trailing newline dropped, its tojson, loop controls and the {% generation %} tag.
//   globals   range, dict, namespace, raise_exception, strftime_now
//   not here  includes, inheritance and autoescape; filters and methods that chat templates do not
//             use are refused by name
//   oracle    tools/golden/chat_templates.py (jinja2 3.1 from PyPI); tests compare byte for byte
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/json.h"
#include "common/result.h"

namespace serval::jinja {

struct Program;

// What one rendering may use. A template comes from a model file and is not trusted: past any of
// these it ends in resource_exhausted, with the line it was at.
struct RenderOptions {
  std::size_t max_output_bytes = std::size_t{16} << 20;  // the rendered text, and any one string
  std::size_t max_value_bytes = std::size_t{256} << 20;  // all values made on the way, summed
  uint64_t max_steps = 10'000'000;                       // nodes run, and 64 bytes read = 1 step
  int max_depth = 100;                                   // macro calls inside macro calls
  int64_t max_range = 100'000;                           // numbers in one range(), as the sandbox
  std::optional<std::time_t> now;  // what strftime_now() shows, in local time; default: the clock
};

// A parsed template. Cheap to copy (copies share the program).
//   threads  const and free of hidden state: any number of threads may render one Template
class Template {
 public:
  // invalid_argument with "chat template, line N: ..." if `source` is not a template, uses a tag,
  // filter or test that does not exist here, nests too deeply or has more than 4 MiB.
  static Result<Template> parse(std::string_view source);

  // Renders with the members of `context` as variables: messages, tools, add_generation_prompt,
  // bos_token ... The order of object members is kept and seen by the template.
  //   raise_exception(m)  invalid_argument whose message is m, the template's own words
  //   anything else       invalid_argument "chat template, line N: ..."; resource_exhausted past a
  //                       limit of `options`; a context of more than 128 levels is refused
  Result<std::string> render(const json::object& context, const RenderOptions& options = {}) const;

 private:
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace serval::jinja
