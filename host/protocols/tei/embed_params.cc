#include "host/protocols/tei/forms.h"
#include "host/protocols/tei/params.h"

namespace serval::host {
namespace {

constexpr int kMostDimensions = 1 << 20;

using ReadInputs = Result<ItemInputs> (*)(std::string_view, const json::value&);

ItemInputs read_inputs(JsonReader& reader, const char* key, ReadInputs read) {
  const json::value* value = reader.value(key);
  if (value == nullptr) {
    reader.fail(key, std::string(key) + " is missing");
    return {};
  }
  Result<ItemInputs> inputs = read(key, *value);
  if (inputs) return std::move(*inputs);
  reader.fail(key, inputs.error().message);
  return {};
}

void read_prompt_name(JsonReader& reader, json::object& plugin) {
  std::string name;
  reader.read("prompt_name", name);
  if (reader.value("prompt_name") != nullptr) plugin["prompt_name"] = name;
}

// `what` differs from the operation where not every model that has it can do this.
TeiCall call_of(const char* op, const char* what, ItemInputs inputs, json::object plugin,
                ItemForm form) {
  TeiCall call;
  call.op = op;
  call.what = what;
  call.items = call.batch = inputs.items();
  call.empty = inputs.empty;
  call.parts = item_parts(op, std::move(inputs), std::move(plugin));
  call.form = std::move(form);
  return call;
}

}  // namespace

void read_tei_truncation(JsonReader& reader, json::object& plugin) {
  bool truncate = false;
  reader.read("truncate", truncate);
  if (truncate) plugin["truncate"] = true;
  std::string direction = "Right";
  reader.read("truncation_direction", direction);
  if (direction == "Left" || direction == "left") {
    plugin["truncation_side"] = "left";
  } else if (direction != "Right" && direction != "right") {
    reader.fail("truncation_direction", "truncation_direction must be \"Left\" or \"Right\"");
  }
}

TeiCall parse_tei_embed(JsonReader& reader) {
  json::object plugin;
  ItemInputs inputs = read_inputs(reader, "inputs", read_items);
  read_tei_truncation(reader, plugin);
  read_prompt_name(reader, plugin);
  bool normalize = true;
  reader.read("normalize", normalize);
  plugin["normalize"] = normalize;
  int dimensions = 0;
  reader.read("dimensions", dimensions, 1, kMostDimensions);
  if (dimensions > 0) plugin["dimensions"] = dimensions;
  return call_of("embed", "embed", std::move(inputs), std::move(plugin), tei_tensors(1));
}

TeiCall parse_tei_embed_all(JsonReader& reader) {
  json::object plugin{{"pooling", "none"}, {"normalize", false}};
  ItemInputs inputs = read_inputs(reader, "inputs", read_items);
  read_tei_truncation(reader, plugin);
  read_prompt_name(reader, plugin);
  return call_of("embed", "embed", std::move(inputs), std::move(plugin), tei_tensors(2));
}

TeiCall parse_tei_embed_sparse(JsonReader& reader) {
  json::object plugin{{"pooling", "sparse"}};
  ItemInputs inputs = read_inputs(reader, "inputs", read_items);
  read_tei_truncation(reader, plugin);
  read_prompt_name(reader, plugin);
  return call_of("embed", "embed, sparse", std::move(inputs), std::move(plugin), json_items(false));
}

TeiCall parse_tei_similarity(JsonReader& reader) {
  json::object plugin{{"normalize", false}};
  const json::value* parameters = reader.value("parameters");
  if (parameters != nullptr && !parameters->is_object()) {
    reader.fail("parameters", "parameters must be an object");
  } else if (parameters != nullptr) {
    JsonReader inner(parameters->get_object());
    read_tei_truncation(inner, plugin);
    read_prompt_name(inner, plugin);
    if (const Status status = inner.finish(); !status)
      reader.fail("parameters." + status.error().param, "parameters: " + status.error().message);
  }
  const json::value* inputs = reader.value("inputs");
  ItemInputs all;
  if (inputs == nullptr || !inputs->is_object()) {
    reader.fail("inputs", "inputs must be an object with source_sentence and sentences");
  } else {
    JsonReader inner(inputs->get_object());
    std::string source;
    inner.read("source_sentence", source);
    if (inner.value("source_sentence") == nullptr)
      inner.fail("source_sentence", "source_sentence is missing");
    all = read_inputs(inner, "sentences", read_texts);
    if (all.single) inner.fail("sentences", "sentences must be an array of strings");
    if (source.empty()) all.empty = "source_sentence";
    all.texts.insert(all.texts.begin(), std::move(source));
    if (const Status status = inner.finish(); !status)
      reader.fail("inputs." + status.error().param, "inputs: " + status.error().message);
  }
  return call_of("embed", "embed", std::move(all), std::move(plugin), tei_similarity());
}

TeiCall parse_tei_tokenize(JsonReader& reader) {
  json::object plugin;
  ItemInputs inputs = read_inputs(reader, "inputs", read_texts);
  bool special = true;
  reader.read("add_special_tokens", special);
  if (!special) plugin["add_special_tokens"] = false;
  read_prompt_name(reader, plugin);
  return call_of("tokenize", "tokenize", std::move(inputs), std::move(plugin), json_items(false));
}

TeiCall parse_tei_decode(JsonReader& reader) {
  json::object plugin;
  ItemInputs inputs = read_inputs(reader, "ids", read_items);
  if (!inputs.texts.empty())
    reader.fail("ids", "ids must be an array of token ids or an array of such arrays");
  bool skip = true;
  reader.read("skip_special_tokens", skip);
  if (!skip) plugin["skip_special_tokens"] = false;
  return call_of("detokenize", "detokenize", std::move(inputs), std::move(plugin), tei_texts());
}

}  // namespace serval::host
