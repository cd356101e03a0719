// Any bytes as the body of an upload: a form, and the parameters of a transcription in it.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/utf8.h"
#include "host/protocols/multipart_form.h"
#include "host/protocols/openai/audio.h"

namespace {

using namespace serval::host;

constexpr FormLimits kLimits{8, 200, 20, 100};

void require(bool holds) {
  if (!holds) std::abort();
}

// What is read of a form with boundary "b", cut into pieces.
struct Read {
  bool good = false;
  std::string why;
  std::vector<FormPart> parts;  // files have their data too
};

Read read_form(std::string_view body, std::size_t piece) {
  Read read;
  std::vector<std::string> files(kLimits.parts);
  const FormReader* of = nullptr;
  FormReader reader(
      "b",
      [&](const FormPart& part, std::string_view bytes) {
        require(part.is_file && !bytes.empty() && of->parts().size() <= kLimits.parts);
        files[of->parts().size() - 1] += bytes;
        return serval::Status{};
      },
      kLimits);
  of = &reader;
  serval::Status status;
  for (std::size_t at = 0; at < body.size() && status; at += piece)
    status = reader.feed(body.substr(at, piece));
  if (status) status = reader.finish();
  read.good = status.ok();
  if (!status) read.why = status.error().message;
  read.parts = reader.parts();
  for (std::size_t i = 0; i < read.parts.size(); ++i)
    if (read.parts[i].is_file) read.parts[i].data = files[i];
  return read;
}

void fuzz_form(std::string_view body, std::size_t piece) {
  const Read whole = read_form(body, body.size() + 1), cut = read_form(body, piece);
  require(whole.good == cut.good && whole.why == cut.why);
  if (!whole.good) return require(!whole.why.empty());
  require(whole.parts.size() <= kLimits.parts && body.starts_with("--b"));
  require(whole.parts.size() == cut.parts.size());
  std::size_t behind = 0;  // parts stand in the body's order and do not overlap
  for (std::size_t i = 0; i < whole.parts.size(); ++i) {
    const FormPart& part = whole.parts[i];
    require(part.data == cut.parts[i].data && part.bytes == part.data.size());
    require(!part.name.empty() && part.name.size() <= kLimits.name_bytes);
    require(serval::is_valid_utf8(part.name));
    require(part.is_file || part.data.size() <= kLimits.field_bytes);
    require(part.data.find("\r\n--b") == std::string::npos);
    const std::size_t found = body.find(part.data + "\r\n--b", behind);
    require(part.data.empty() || found != std::string_view::npos);
    if (!part.data.empty()) behind = found + part.data.size();
  }
}

void fuzz_transcription(std::string_view body) {
  const Read read = read_form(body, body.size() + 1);
  if (!read.good) return;
  const auto params = parse_transcription(read.parts, false);
  if (!params) return require(!params.error().message.empty());
  require(!params->model.empty());
  require(serval::parse_json(serval::json::serialize(params->plugin)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  fuzz_form(body, 1 + size % 7);
  fuzz_transcription(body);
  // The content type, too, is the client's.
  if (const auto boundary = form_boundary("multipart/form-data;" + std::string(body)))
    require(!boundary->empty() && boundary->size() <= 70);
  return 0;
}
