#include "host/protocols/openai/logprobs.h"

#include "common/utf8.h"
#include "host/protocols/json_text.h"

namespace serval::host {
namespace {

std::string bytes_of(const json::object& token) {
  std::string bytes;
  const json::value* list = token.if_contains("bytes");
  if (list == nullptr || !list->is_array()) return bytes;
  for (const json::value& byte : list->get_array())
    if (byte.is_int64()) bytes += char(byte.get_int64());
  return bytes;
}

void append_logprob(std::string& out, const json::object& token) {
  const json::value* logprob = token.if_contains("logprob");
  if (logprob == nullptr || !logprob->is_number()) {
    out += "null";
  } else {
    out += json::serialize(*logprob);
  }
}

const json::array* top_of(const json::object& token) {
  const json::value* top = token.if_contains("top");
  return top != nullptr && top->is_array() ? &top->get_array() : nullptr;
}

void append_chat_token(std::string& out, const json::object& token) {
  const std::string bytes = bytes_of(token);
  out += "{\"token\":";
  append_json_string(out, replace_invalid_utf8(bytes));
  out += ",\"logprob\":";
  append_logprob(out, token);
  out += ",\"bytes\":[";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += ',';
    append_number(out, static_cast<unsigned char>(bytes[i]));
  }
  out += ']';
}

void comma(std::string& out) {
  if (!out.empty()) out += ',';
}

// The most likely tokens as one object. The token itself is always among them. Two tokens may read
// the same once their bytes are made text: the likelier, which comes first, stays.
void append_top_object(std::string& out, const json::object& token) {
  json::object seen;
  const auto add = [&seen](const json::object& one) {
    const json::value* logprob = one.if_contains("logprob");
    if (logprob == nullptr || !logprob->is_number()) return;
    seen.emplace(replace_invalid_utf8(bytes_of(one)), *logprob);
  };
  if (const json::array* top = top_of(token)) {
    for (const json::value& one : *top)
      if (one.is_object()) add(one.get_object());
  }
  add(token);
  out += seen.empty() ? "null" : json::serialize(seen);
}

}  // namespace

void append_chat_logprobs(std::string& out, const json::array& tokens) {
  bool first = true;
  for (const json::value& token : tokens) {
    if (!token.is_object()) continue;
    if (!first) out += ',';
    first = false;
    append_chat_token(out, token.get_object());
    out += ",\"top_logprobs\":[";
    bool first_top = true;
    if (const json::array* top = top_of(token.get_object())) {
      for (const json::value& one : *top) {
        if (!one.is_object()) continue;
        if (!first_top) out += ',';
        first_top = false;
        append_chat_token(out, one.get_object());
        out += '}';
      }
    }
    out += "]}";
  }
}

void LegacyLogprobs::add(const json::array& tokens) {
  for (const json::value& value : tokens) {
    if (!value.is_object()) continue;
    const json::object& token = value.get_object();
    const std::string bytes = bytes_of(token);
    comma(tokens_);
    append_json_string(tokens_, replace_invalid_utf8(bytes));
    comma(logprobs_);
    append_logprob(logprobs_, token);
    comma(offsets_);
    append_number(offsets_, offset_);
    if (top_ > 0) {
      comma(tops_);
      append_top_object(tops_, token);
    }
    for (const char c : bytes) offset_ += (c & 0xc0) != 0x80;  // characters that begin here
  }
}

std::size_t LegacyLogprobs::bytes() const {
  return tokens_.size() + logprobs_.size() + tops_.size() + offsets_.size();
}

void LegacyLogprobs::write(std::string& out) {
  out.append("{\"tokens\":[").append(tokens_);
  out.append("],\"token_logprobs\":[").append(logprobs_);
  out.append("],\"top_logprobs\":");
  if (top_ > 0) {
    out.append("[").append(tops_).append("]");
  } else {
    out += "null";
  }
  out.append(",\"text_offset\":[").append(offsets_).append("]}");
  tokens_.clear();
  logprobs_.clear();
  tops_.clear();
  offsets_.clear();
}

}  // namespace serval::host
