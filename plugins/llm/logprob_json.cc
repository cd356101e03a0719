#include "plugins/llm/logprob_json.h"

#include <charconv>
#include <cmath>

namespace serval::llm {
namespace {

void append_number(std::string& out, float value) {
  if (!std::isfinite(value)) value = -9999.0f;  // JSON has no infinity; the API's own stand-in
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void append_token(std::string& out, const Tokenizer& tokenizer, int32_t token) {
  out += "{\"id\":" + std::to_string(token) + ",\"bytes\":[";
  bool first = true;
  for (const char byte : tokenizer.decode(token)) {
    if (!first) out += ',';
    first = false;
    out += std::to_string(int(static_cast<unsigned char>(byte)));
  }
  out += "],\"logprob\":";
}

}  // namespace

std::string token_entry(const Tokenizer& tokenizer, int32_t token,
                        const std::optional<TokenLogprobs>& logprobs) {
  std::string out;
  append_token(out, tokenizer, token);
  if (!logprobs) return out + "null,\"top\":[]}";
  append_number(out, logprobs->logprob);
  out += ",\"top\":[";
  bool first = true;
  for (const auto& [other, logprob] : logprobs->top) {
    if (!first) out += ',';
    first = false;
    append_token(out, tokenizer, other);
    append_number(out, logprob);
    out += '}';
  }
  return out + "]}";
}

std::string text_meta(const std::vector<std::string>& token_entries, const char* finish_reason,
                      bool prompt) {
  std::string out;
  const auto member = [&](const std::string& text) { out += (out.empty() ? "{" : ",") + text; };
  if (prompt) member("\"prompt\":true");
  if (!token_entries.empty()) {
    member("\"tokens\":[");
    for (std::size_t i = 0; i < token_entries.size(); ++i) {
      if (i > 0) out += ',';
      out += token_entries[i];
    }
    out += ']';
  }
  if (finish_reason != nullptr) member(std::string("\"finish_reason\":\"") + finish_reason + '"');
  return out.empty() ? out : out + "}";
}

}  // namespace serval::llm
