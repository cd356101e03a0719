// Any bytes as a chat template, rendered with a small conversation: a text or an Error, never more.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/jinja/template.h"

namespace {

const serval::json::object& conversation() {
  static const serval::json::object context{
      {"messages",
       {{{"role", "user"}, {"content", "Grüße <b>\n"}},
        {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {{{"name", "f"}}}}},
        {{"role", "tool"}, {"content", {{{"type", "text"}, {"text", "1"}}}}}}},
      {"tools", {{{"name", "f"}, {"parameters", {{"n", 1.5}, {"ok", true}}}}}},
      {"add_generation_prompt", true},
      {"bos_token", "<s>"}};
  return context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace serval;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const Result<jinja::Template> parsed = jinja::Template::parse(source);
  if (!parsed) {
    if (parsed.error().code == Code::internal) __builtin_trap();
    return 0;
  }
  jinja::RenderOptions options;
  options.max_steps = 20'000;
  options.max_output_bytes = 100'000;
  options.max_value_bytes = 1'000'000;
  options.max_range = 1000;
  options.now = 1'741'529'107;
  const Result<std::string> text = parsed->render(conversation(), options);
  if (text && text->size() > options.max_output_bytes) __builtin_trap();
  if (!text && text.error().code == Code::internal) __builtin_trap();
  return 0;
}
