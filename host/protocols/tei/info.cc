#include "host/protocols/tei/info.h"

namespace serval::host {
namespace {

json::value field(const json::object& description, const char* key) {
  const json::value* value = description.if_contains(key);
  return value == nullptr ? json::value() : *value;
}

json::object labels_of(const json::object& description) {
  json::object ids, labels;
  const json::value list = field(description, "labels");
  if (list.is_array()) {
    for (const json::value& label : list.get_array()) {
      if (!label.is_string()) continue;
      ids[std::to_string(ids.size())] = label;
      labels[label.get_string()] = ids.size() - 1;
    }
  }
  return {{"id2label", std::move(ids)}, {"label2id", std::move(labels)}};
}

}  // namespace

Result<std::string> tei_info(std::string_view description, const std::string& model,
                             const std::string& path, const TeiServer& server) {
  boost::system::error_code ec;
  const json::value parsed = json::parse(description, ec);
  if (ec || !parsed.is_object()) return error(Code::internal, "the model gave no description");
  const json::object& about = parsed.get_object();
  const json::value kind = field(about, "kind");
  json::object type;
  if (kind == "embed") {
    type["embedding"] = {{"pooling", field(about, "pooling")}};
  } else {
    type[kind == "rerank" ? "reranker" : "classifier"] = labels_of(about);
  }
  json::object info;
  info["model_id"] = path;
  info["model_sha"] = nullptr;
  info["model_dtype"] = field(about, "dtype");
  info["served_model_name"] = model;
  info["model_type"] = std::move(type);
  info["max_concurrent_requests"] = server.connections;
  info["max_input_length"] = field(about, "max_input_tokens");
  info["max_batch_tokens"] = field(about, "tokens_per_step");
  info["max_batch_requests"] = nullptr;
  info["max_client_batch_size"] = field(about, "max_items");
  info["auto_truncate"] = false;
  info["tokenization_workers"] = nullptr;
  info["version"] = server.version;
  info["sha"] = nullptr;
  info["docker_label"] = nullptr;
  return json::serialize(info);
}

}  // namespace serval::host
