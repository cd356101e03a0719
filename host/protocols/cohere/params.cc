#include "host/protocols/cohere/params.h"

#include <algorithm>

#include "common/json_reader.h"
#include "host/protocols/json_text.h"

namespace serval::host {
namespace {

// The text of "text" or {"text": "text", ..}.
const json::value* text_of(const json::value& document) {
  const json::value* text =
      document.is_object() ? document.get_object().if_contains("text") : &document;
  return text != nullptr && text->is_string() ? text : nullptr;
}

void read_documents(JsonReader& reader, std::size_t most, bool keep, CohereRerank& params) {
  const json::value* documents = reader.value("documents");
  if (documents == nullptr) return reader.fail("documents", "documents is missing");
  if (!documents->is_array())
    return reader.fail("documents", "documents must be an array of strings or of {\"text\": ..}");
  const json::array& items = documents->get_array();
  if (items.empty()) return reader.fail("documents", "documents must not be empty");
  if (items.size() > most)
    return reader.fail("documents", "documents has " + std::to_string(items.size()) +
                                        " items; this server takes at most " +
                                        std::to_string(most));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const json::value* text = text_of(items[i]);
    if (text == nullptr)
      return reader.fail("documents", "documents[" + std::to_string(i) +
                                          "] must be a string or an object with the string text");
    params.texts.emplace_back(text->get_string());
    if (!keep) continue;
    std::string& kept = params.documents.emplace_back();
    if (items[i].is_object()) {
      kept = json::serialize(items[i]);
    } else {
      kept = "{\"text\":";
      append_json_string(kept, params.texts.back());
      kept += '}';
    }
  }
}

// Parameters whose one supported value is what the server does anyway, or that it does not have.
void read_unsupported(JsonReader& reader) {
  std::vector<std::string> fields{"text"};
  reader.read("rank_fields", fields, 8);
  if (fields != std::vector<std::string>{"text"})
    reader.fail("rank_fields", "rank_fields must be [\"text\"]");
  for (const char* key : {"max_tokens_per_doc", "max_chunks_per_doc", "priority"})
    if (reader.value(key) != nullptr)
      reader.fail(key, std::string(key) +
                           " is not supported by this server; long documents are cut at what the "
                           "model takes");
}

}  // namespace

Result<CohereRerank> parse_cohere_rerank(std::string_view body, std::size_t most) {
  const Result<json::object> root = parse_json_object(body, "the body must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  CohereRerank params;
  reader.read("model", params.model);
  reader.read("query", params.query);
  if (reader.value("query") == nullptr)
    reader.fail("query", "query is missing");
  else if (params.query.empty())
    reader.fail("query", "query must not be empty");
  bool keep = false;
  reader.read("return_documents", keep);
  read_documents(reader, most, keep, params);
  int64_t top_n = INT32_MAX;
  reader.read("top_n", top_n, 1, INT32_MAX);
  params.top_n = std::min(std::size_t(top_n), params.texts.size());
  read_unsupported(reader);
  if (Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::host
