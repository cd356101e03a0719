// Rerank and predict.
#include "host/protocols/tei/forms.h"
#include "host/protocols/tei/params.h"

namespace serval::host {
namespace {

void read_score_options(JsonReader& reader, json::object& plugin) {
  bool raw = false;
  reader.read("raw_scores", raw);
  if (raw) plugin["raw_scores"] = true;
  read_tei_truncation(reader, plugin);
}

// What predict scores: texts and pairs of texts, in any order.
struct Sequences {
  std::vector<std::string> texts, paired;  // paired: two inputs an item
  std::vector<uint32_t> text_places, pair_places;
  bool single = false;  // not a list of items
  std::string empty;

  std::size_t items() const { return text_places.size() + pair_places.size(); }

  // One item of one or two strings; false if it is something else.
  bool add(const json::array& item, const std::string& what) {
    if (item.empty() || item.size() > 2) return false;
    for (const json::value& text : item)
      if (!text.is_string()) return false;
    const bool pair = item.size() == 2;
    const auto place = uint32_t(items());
    (pair ? pair_places : text_places).push_back(place);
    for (const json::value& text : item) {
      if (text.get_string().empty() && empty.empty()) empty = what;
      (pair ? paired : texts).emplace_back(text.get_string());
    }
    return true;
  }
};

// "text", ["text"], ["text", "pair"] or [["text"], ["text", "pair"], ..]; false: another shape
bool read_sequences(const json::value& value, Sequences& out) {
  if (value.is_string()) {
    out.single = true;
    return out.add(json::array{value}, "inputs");
  }
  if (!value.is_array()) return false;
  const json::array& items = value.get_array();
  if (items.empty()) {
    out.empty = "inputs";
    return true;
  }
  if (items.front().is_string()) {
    out.single = true;
    return out.add(items, "inputs");
  }
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!items[i].is_array() || !out.add(items[i].get_array(), "inputs[" + std::to_string(i) + ']'))
      return false;
  return true;
}

ItemPart part_of(json::object plugin, std::vector<std::string> inputs) {
  ItemPart part;
  part.request.op = "classify";
  part.request.params_json = json::serialize(plugin);
  part.request.inputs = std::move(inputs);
  return part;
}

}  // namespace

TeiCall parse_tei_predict(JsonReader& reader) {
  json::object plugin;
  read_score_options(reader, plugin);
  Sequences sequences;
  const json::value* inputs = reader.value("inputs");
  if (inputs == nullptr) {
    reader.fail("inputs", "inputs is missing");
  } else if (!read_sequences(*inputs, sequences)) {
    reader.fail("inputs",
                "inputs must be a string, a pair of strings or an array of arrays of one or two "
                "strings");
  }
  TeiCall call;
  call.op = call.what = "classify";
  call.items = call.batch = sequences.items();
  call.empty = sequences.empty;
  call.form = json_items(sequences.single);
  const bool both = !sequences.texts.empty() && !sequences.paired.empty();
  if (!sequences.texts.empty()) {
    call.parts.push_back(part_of(plugin, std::move(sequences.texts)));
    if (both) call.parts.back().places = std::move(sequences.text_places);
  }
  if (!sequences.paired.empty()) {
    plugin["pairs"] = true;
    call.parts.push_back(part_of(plugin, std::move(sequences.paired)));
    if (both) call.parts.back().places = std::move(sequences.pair_places);
  }
  return call;
}

TeiCall parse_tei_rerank(JsonReader& reader) {
  json::object plugin;
  read_score_options(reader, plugin);
  std::string query;
  reader.read("query", query);
  if (reader.value("query") == nullptr) reader.fail("query", "query is missing");
  ItemInputs texts;
  if (const json::value* value = reader.value("texts"); value == nullptr) {
    reader.fail("texts", "texts is missing");
  } else if (Result<ItemInputs> read = read_texts("texts", *value); !read || read->single) {
    reader.fail("texts", "texts must be an array of strings");
  } else {
    texts = std::move(*read);
  }
  bool return_text = false;
  reader.read("return_text", return_text);

  TeiCall call;
  call.op = call.what = "rerank";
  call.items = 1;  // the scores of all texts come as one
  call.batch = texts.items();
  if (call.batch == 0) call.empty = "texts";
  if (query.empty()) call.empty = "query";
  call.form = tei_ranks(texts.items(), return_text ? texts.texts : std::vector<std::string>());
  ItemPart& part = call.parts.emplace_back();
  part.request.op = "rerank";
  part.request.params_json = json::serialize(plugin);
  part.request.inputs = std::move(texts.texts);
  part.request.inputs.insert(part.request.inputs.begin(), std::move(query));
  return call;
}

}  // namespace serval::host
