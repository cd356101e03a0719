#include "host/net/http_message.h"

#include "host/net/ascii.h"

namespace serval::host {

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [field, value] : fields_)
    if (iequals(field, name)) return &value;
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view{} : std::string_view(*value);
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& [field, value] : fields_) n += iequals(field, name);
  return n;
}

}  // namespace serval::host
