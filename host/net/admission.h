// Counts open connections, in total and by address.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace serval::host {

// Thread-safe. Tickets may outlive it.
class Admission {
 public:
  Admission(std::size_t total, std::size_t per_address);

  // Held as long as the connection is open; gives its place back when destroyed.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    friend class Admission;
    struct Counts;
    Ticket(std::shared_ptr<Counts> counts, std::string address);

    std::shared_ptr<Counts> counts_;
    std::string address_;
  };

  // address: who connects, as text; "" is not counted by address. nullopt: a limit is reached.
  std::optional<Ticket> enter(std::string address);

  std::size_t open() const;

 private:
  const std::size_t total_, per_address_;
  std::shared_ptr<Ticket::Counts> counts_;
};

// What counts as one address: an IPv4 address, or the /64 network of an IPv6 one, since a single
// host commonly owns that whole network.
std::string address_group(const std::string& address);

}  // namespace serval::host
