#include "host/net/admission.h"

#include <arpa/inet.h>

namespace serval::host {

struct Admission::Ticket::Counts {
  std::mutex mutex;
  std::size_t total = 0;
  std::unordered_map<std::string, std::size_t> by_address;
};

Admission::Ticket::Ticket(std::shared_ptr<Counts> counts, std::string address)
    : counts_(std::move(counts)), address_(std::move(address)) {}

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(counts_, other.counts_);
  std::swap(address_, other.address_);
  return *this;
}

Admission::Ticket::~Ticket() {
  if (!counts_) return;  // moved from
  std::lock_guard lock(counts_->mutex);
  --counts_->total;
  const auto found = counts_->by_address.find(address_);
  if (found != counts_->by_address.end() && --found->second == 0) counts_->by_address.erase(found);
}

Admission::Admission(std::size_t total, std::size_t per_address)
    : total_(total), per_address_(per_address), counts_(std::make_shared<Ticket::Counts>()) {}

std::optional<Admission::Ticket> Admission::enter(std::string address) {
  std::lock_guard lock(counts_->mutex);
  if (counts_->total >= total_) return std::nullopt;
  if (!address.empty()) {
    std::size_t& of_address = counts_->by_address[address];
    if (of_address >= per_address_) return std::nullopt;
    ++of_address;
  }
  ++counts_->total;
  return Ticket(counts_, std::move(address));
}

std::size_t Admission::open() const {
  std::lock_guard lock(counts_->mutex);
  return counts_->total;
}

std::string address_group(const std::string& address) {
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  for (int i = 8; i < 16; ++i) v6.s6_addr[i] = 0;
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &v6, text, sizeof text);
  return text;
}

}  // namespace serval::host
