// Any bytes as the body of an upload: a form, and the parameters of a transcription in it.
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/utf8.h"
#include "host/protocols/multipart_form.h"
#include "host/protocols/openai/audio.h"

namespace {

using namespace serval::host;

constexpr FormLimits kLimits{8, 200, 20, 100};

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_form(std::string_view body) {
  const auto parts = parse_form(body, "b", kLimits);
  if (!parts) return require(!parts.error().message.empty());
  require(parts->size() <= kLimits.parts && body.starts_with("--b"));
  const char* behind = body.data();  // parts stand in the body's order and do not overlap
  for (const FormPart& part : *parts) {
    require(!part.name.empty() && part.name.size() <= kLimits.name_bytes);
    require(serval::is_valid_utf8(part.name));
    require(part.is_file || part.data.size() <= kLimits.field_bytes);
    require(part.data.find("\r\n--b") == std::string_view::npos);
    if (part.data.empty()) continue;
    require(part.data.data() >= behind && part.data.end() <= body.end());
    behind = part.data.data() + part.data.size();
  }
}

void fuzz_transcription(std::string_view body) {
  const auto params = parse_transcription("multipart/form-data; boundary=b", body, false);
  if (!params) return require(!params.error().message.empty());
  require(!params->model.empty() && params->file.size > 0);
  require(params->file.begin + params->file.size <= body.size());
  require(serval::parse_json(serval::json::serialize(params->plugin)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  fuzz_form(body);
  fuzz_transcription(body);
  // The content type, too, is the client's.
  if (const auto boundary = form_boundary("multipart/form-data;" + std::string(body)))
    require(!boundary->empty() && boundary->size() <= 70);
  return 0;
}
