#include "host/protocols/item_inputs.h"

namespace serval::host {
namespace {

bool is_token_id(const json::value& value) {
  return value.is_int64() && value.get_int64() >= 0 && value.get_int64() <= INT32_MAX;
}

std::string place_of(std::string_view key, std::size_t i) {
  return std::string(key) + '[' + std::to_string(i) + ']';
}

class Reader {
 public:
  Reader(std::string_view key, bool ids) : key_(key), ids_(ids) {}

  Result<ItemInputs> read(const json::value& value) {
    if (value.is_string()) {
      inputs_.single = true;
      add_text(value.get_string(), std::string(key_));
      return std::move(inputs_);
    }
    if (!value.is_array()) return wrong();
    const json::array& items = value.get_array();
    if (items.empty()) {
      inputs_.empty = key_;
      return std::move(inputs_);
    }
    if (ids_ && items.front().is_number()) {
      inputs_.single = true;
      if (!add_ids(items, std::string(key_))) return wrong();
      return std::move(inputs_);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].is_string()) {
        add_text(items[i].get_string(), place_of(key_, i));
      } else if (!ids_ || !items[i].is_array() ||
                 !add_ids(items[i].get_array(), place_of(key_, i))) {
        return wrong();
      }
    }
    return std::move(inputs_);
  }

 private:
  void add_text(std::string_view text, std::string what) {
    if (text.empty() && inputs_.empty.empty()) inputs_.empty = std::move(what);
    inputs_.text_places.push_back(uint32_t(inputs_.items()));
    inputs_.texts.emplace_back(text);
  }

  bool add_ids(const json::array& ids, std::string what) {
    for (const json::value& id : ids)
      if (!is_token_id(id)) return false;
    if (ids.empty() && inputs_.empty.empty()) inputs_.empty = std::move(what);
    inputs_.id_places.push_back(uint32_t(inputs_.items()));
    inputs_.token_ids.push_back(ids);
    return true;
  }

  Error wrong() const {
    const std::string key(key_);
    return invalid(key + (ids_ ? " must be a string, an array of strings, an array of token ids or "
                                 "an array of such arrays"
                               : " must be a string or an array of strings"),
                   key);
  }

  const std::string_view key_;
  const bool ids_;
  ItemInputs inputs_;
};

}  // namespace

Result<ItemInputs> read_items(std::string_view key, const json::value& value) {
  return Reader(key, true).read(value);
}

Result<ItemInputs> read_texts(std::string_view key, const json::value& value) {
  return Reader(key, false).read(value);
}

std::vector<ItemPart> item_parts(std::string_view op, ItemInputs inputs, json::object params) {
  std::vector<ItemPart> parts;
  const bool both = !inputs.texts.empty() && !inputs.token_ids.empty();
  if (!inputs.texts.empty()) {
    ItemPart& part = parts.emplace_back();
    part.request.op = op;
    part.request.params_json = json::serialize(params);
    part.request.inputs = std::move(inputs.texts);
    if (both) part.places = std::move(inputs.text_places);
  }
  if (!inputs.token_ids.empty()) {
    ItemPart& part = parts.emplace_back();
    part.request.op = op;
    params["token_ids"] = std::move(inputs.token_ids);
    part.request.params_json = json::serialize(params);
    if (both) part.places = std::move(inputs.id_places);
  }
  return parts;
}

}  // namespace serval::host
