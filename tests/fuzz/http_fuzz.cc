// Any bytes as what a client may send: a request head, a chunked body, the body of an API call.
// However the bytes are cut into pieces, what is understood must be the same.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "host/net/chunked.h"
#include "host/net/http_head.h"
#include "host/protocols/cohere/params.h"
#include "host/protocols/openai/embeddings.h"
#include "host/protocols/openai/params.h"
#include "host/protocols/tei/params.h"

namespace {

using namespace serval::host;

constexpr HeadLimits kLimits{200, 2000, 20};
constexpr std::size_t kBodyBytes = 500;

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_head(std::string_view text, std::size_t piece) {
  std::size_t whole_end = 0;
  const HttpFault whole = HeadScanner().scan(text, kLimits, whole_end);
  require(whole_end <= text.size());

  HeadScanner scanner;
  std::size_t end = 0;
  HttpFault fault;
  for (std::size_t n = piece; end == 0 && !fault; n += piece) {
    fault = scanner.scan(text.substr(0, n), kLimits, end);
    if (n >= text.size()) break;
  }
  if (!whole && whole_end != 0) require(!fault && end == whole_end);
  if (fault || end == 0) return;

  HttpHead head;
  if (parse_head(text.substr(0, end), kLimits, head)) return;
  require(head.headers.fields().size() <= kLimits.fields);
  require(!(head.chunked && head.content_length > 0));
  require(head.path == "*" || head.path.front() == '/');
  for (const auto& [name, value] : head.headers.fields())
    require(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
}

struct Decoded {
  int status = 0;
  bool done = false;
  std::string body;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, std::size_t piece) {
  ChunkedDecoder decoder(kBodyBytes, 100);
  Decoded out;
  while (!text.empty() && out.status == 0 && !decoder.done()) {
    std::string_view part = text.substr(0, piece);
    text.remove_prefix(part.size());
    out.status = decoder.feed(part, out.body).status;
    require(out.body.size() <= kBodyBytes);
  }
  out.done = decoder.done();
  return out;
}

void fuzz_params(std::string_view text) {
  for (const auto parse : {parse_chat, parse_completion}) {
    const auto params = parse(text, GenerateLimits{8});
    if (!params) {
      require(!params.error().message.empty());
      continue;
    }
    require(!params->prompts.empty() && params->choices() <= 8);
    require(serval::parse_json(serval::json::serialize(params->plugin)).ok());
  }
}

// Each place of the answer belongs to one item of one request.
void require_parts(const std::vector<ItemPart>& parts, std::size_t items) {
  std::set<uint32_t> places;
  for (const ItemPart& part : parts) {
    require(serval::parse_json(part.request.params_json).ok());
    require(parts.size() == 1 || !part.places.empty());
    for (const uint32_t place : part.places) require(place < items && places.insert(place).second);
  }
  require(parts.size() <= 1 || places.size() == items);
}

void fuzz_items(std::string_view text) {
  if (auto params = parse_embeddings(text, 8); params) {
    const std::size_t items = params->inputs.items();
    require(items > 0 && items <= 8);
    require_parts(item_parts("embed", std::move(params->inputs), std::move(params->plugin)), items);
  }
  if (const auto params = parse_cohere_rerank(text, 8); params)
    require(!params->texts.empty() && params->top_n >= 1 && params->top_n <= params->texts.size());
  const auto root = serval::parse_json(text);
  if (!root || !root->is_object()) return;
  for (const TeiParse parse :
       {parse_tei_embed, parse_tei_embed_all, parse_tei_embed_sparse, parse_tei_similarity,
        parse_tei_tokenize, parse_tei_decode, parse_tei_rerank, parse_tei_predict}) {
    serval::JsonReader reader(root->get_object());
    const TeiCall call = parse(reader);
    if (!reader.finish().ok() || !call.empty.empty()) continue;
    require(call.items > 0 && call.batch > 0 && !call.parts.empty());
    require_parts(call.parts, call.items);
  }
}

}  // namespace

// The first byte chooses the part and how the rest is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] / 3 % 16;
  switch (data[0] % 3) {
    case 0:
      fuzz_head(text, piece);
      break;
    case 1:
      require(decode(text, piece) == decode(text, text.size() + 1));
      break;
    default:
      fuzz_params(text);
      fuzz_items(text);
  }
  return 0;
}
