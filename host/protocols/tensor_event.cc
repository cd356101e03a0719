#include "host/protocols/tensor_event.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/json.h"

namespace serval::host {
namespace {

Error broken(const char* what) {
  return error(Code::internal, std::string("the model gave ") + what);
}

float number_at(std::string_view bytes, std::size_t i) {
  float number;
  std::memcpy(&number, bytes.data() + i * 4, 4);
  return number;
}

}  // namespace

Result<std::vector<std::size_t>> check_tensor(const Event& event, std::size_t rank) {
  boost::system::error_code ec;
  const json::value meta = json::parse(event.meta_json, ec);
  if (ec || !meta.is_object()) return broken("a tensor that does not say what it is");
  const json::value* dtype = meta.get_object().if_contains("dtype");
  const json::value* shape = meta.get_object().if_contains("shape");
  if (dtype == nullptr || !dtype->is_string() || dtype->get_string() != "f32")
    return broken("a tensor of another type than f32");
  if (shape == nullptr || !shape->is_array() || shape->get_array().size() != rank)
    return broken("a tensor of another rank than asked for");
  std::vector<std::size_t> sizes;
  std::size_t left = event.data.size();  // of the bytes, when the sizes so far are taken out
  for (const json::value& size : shape->get_array()) {
    const int64_t n = size.is_int64() ? size.get_int64() : 0;
    if (n < 1 || left % std::size_t(n) != 0) return broken("a tensor of another size than it says");
    left /= std::size_t(n);
    sizes.push_back(std::size_t(n));
  }
  if (left != 4) return broken("a tensor of another size than it says");
  return sizes;
}

Result<std::vector<Rank>> ranked(std::string_view scores, std::size_t texts) {
  if (scores.size() != texts * 4) return broken("another number of scores than texts");
  std::vector<Rank> ranks(texts);
  for (std::size_t i = 0; i < texts; ++i) {
    ranks[i] = {uint32_t(i), number_at(scores, i)};
    if (!std::isfinite(ranks[i].score)) return broken("a score that is not a number");
  }
  std::stable_sort(ranks.begin(), ranks.end(),
                   [](const Rank& a, const Rank& b) { return a.score > b.score; });
  return ranks;
}

float cosine(std::string_view a, std::string_view b) {
  double dot = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size() / 4; ++i) {
    const double x = number_at(a, i), y = number_at(b, i);
    dot += x * y;
    squares_a += x * x;
    squares_b += y * y;
  }
  return squares_a == 0 || squares_b == 0 ? 0 : float(dot / std::sqrt(squares_a * squares_b));
}

}  // namespace serval::host
