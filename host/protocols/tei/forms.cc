#include "host/protocols/tei/forms.h"

#include "host/protocols/json_text.h"
#include "host/protocols/tensor_event.h"
#include "serval/request.h"

namespace serval::host {
namespace {

const char kNoNumber[] = "the model gave an embedding that is not a number";

// Each item's vector as it is, for a body that computes with them.
ItemForm kept_vectors() {
  ItemForm form;
  form.kind = SERVAL_EVENT_TENSOR;
  form.item = [](const Event& event, std::string& piece) -> Status {
    if (const auto shape = check_tensor(event, 1); !shape) return shape.error();
    piece = event.data;
    return {};
  };
  return form;
}

}  // namespace

ItemForm tei_tensors(std::size_t rank) {
  ItemForm form;
  form.kind = SERVAL_EVENT_TENSOR;
  form.item = [rank](const Event& event, std::string& piece) -> Status {
    const auto shape = check_tensor(event, rank);
    if (!shape) return shape.error();
    const std::size_t row = shape->back() * 4;
    const std::string_view data = event.data;
    if (rank == 2) piece += '[';
    for (std::size_t at = 0; at < data.size(); at += row) {
      if (at > 0) piece += ',';
      if (!append_floats(piece, data.substr(at, row))) return error(Code::internal, kNoNumber);
    }
    if (rank == 2) piece += ']';
    return {};
  };
  form.body = [](const std::vector<std::string>& pieces, const ItemUsage&) {
    return Result<std::string>(joined(pieces));
  };
  return form;
}

ItemForm tei_similarity() {
  ItemForm form = kept_vectors();
  form.body = [](const std::vector<std::string>& pieces, const ItemUsage&) -> Result<std::string> {
    std::vector<float> cosines;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      if (pieces[i].size() != pieces[0].size())
        return error(Code::internal, "the model gave embeddings of different sizes");
      cosines.push_back(cosine(pieces[0], pieces[i]));
    }
    std::string out;
    const std::string_view bytes{reinterpret_cast<const char*>(cosines.data()), cosines.size() * 4};
    if (!append_floats(out, bytes)) return error(Code::internal, kNoNumber);
    return out;
  };
  return form;
}

ItemForm tei_ranks(std::size_t count, std::vector<std::string> texts) {
  ItemForm form = kept_vectors();
  form.body = [count, texts = std::move(texts)](const std::vector<std::string>& pieces,
                                                const ItemUsage&) -> Result<std::string> {
    const auto ranks = ranked(pieces.front(), count);
    if (!ranks) return ranks.error();
    std::string out = "[";
    for (const Rank& rank : *ranks) {
      if (out.size() > 1) out += ',';
      out += "{\"index\":";
      append_number(out, int64_t(rank.index));
      if (!texts.empty()) {
        out += ",\"text\":";
        append_json_string(out, texts[rank.index]);
      }
      out += ",\"score\":";
      append_float(out, rank.score);
      out += '}';
    }
    return out += ']';
  };
  return form;
}

ItemForm tei_texts() {
  ItemForm form;
  form.kind = SERVAL_EVENT_TEXT;
  form.item = [](const Event& event, std::string& piece) -> Status {
    append_json_string(piece, event.data);
    return {};
  };
  form.body = [](const std::vector<std::string>& pieces, const ItemUsage&) {
    return Result<std::string>(joined(pieces));
  };
  return form;
}

}  // namespace serval::host
