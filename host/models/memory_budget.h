// Whether a model fits into memory, asked before it is loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/result.h"
#include "host/models/plugin.h"

namespace serval::host {

// Bytes this process can still take: the machine's MemAvailable, or less if a control group (v2)
// that it is in has less left; file cache that the kernel can drop counts as free. UINT64_MAX if
// unknown. root: "/" but for tests.
uint64_t available_memory(const std::filesystem::path& root = "/");

// "1.5 GiB", "312.0 MiB"
std::string bytes_text(uint64_t bytes);

// What is promised to models that are loading or loaded. Thread-safe.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  // limit: most bytes for all models together; 0: none. reserve: bytes that stay available.
  MemoryBudget(uint64_t limit, uint64_t reserve, std::function<uint64_t()> available);

  // A model's part; gives it back when it dies.
  class Lease {
   public:
    Lease(std::shared_ptr<MemoryBudget> budget, uint64_t id)
        : budget_(std::move(budget)), id_(id) {}
    ~Lease() { budget_->release(id_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    void loaded() { budget_->loaded(id_); }  // the rest of its load_peak is free again

   private:
    const std::shared_ptr<MemoryBudget> budget_;
    const uint64_t id_;
  };

  // resource_exhausted, with what is needed and what is there, if it does not fit.
  Result<std::unique_ptr<Lease>> take(const std::string& model, const MemoryEstimate& need);

 private:
  struct Part {
    MemoryEstimate need;
    bool loading = true;
  };
  void loaded(uint64_t id);
  void release(uint64_t id);

  const uint64_t limit_;
  const uint64_t reserve_;
  const std::function<uint64_t()> available_;
  std::mutex mutex_;
  std::map<uint64_t, Part> parts_;
  uint64_t last_ = 0;
};

}  // namespace serval::host
