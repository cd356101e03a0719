// Conversations into prompts, as the model's own chat template has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/formats/gguf.h"
#include "common/formats/tokenizer.h"
#include "common/jinja/template.h"
#include "plugins/llm/params.h"

namespace serval::llm {

// Immutable; any thread.
class ChatFormat {
 public:
  // override_template: used instead of the file's when not empty. A file without a template is
  // fine: chat requests are then refused. A template that does not parse is an error.
  static Result<ChatFormat> create(const GgufFile& file, const Tokenizer& tokenizer,
                                   std::string_view override_template);

  // messages_json: as docs/requests.md has it for op "chat".
  // Errors: invalid_argument naming the message, or with the template's own words; unimplemented
  // without a template.
  Result<std::string> render(std::string_view messages_json, const GenerateParams& params) const;

 private:
  std::optional<jinja::Template> template_;
  std::string bos_, eos_;
};

}  // namespace serval::llm
