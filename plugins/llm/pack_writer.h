// Stores packed weights while they are already in use.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "plugins/llm/pack_cache.h"

namespace serval::llm {

// What a user may want to know about a load that went well; from any thread.
using LoadNote = std::function<void(bool warning, const std::string& text)>;

// A thread of low priority that ends when everything is on the disk. The destructor stops and joins
// it; nothing is stored then. Movable.
class PackWriter {
 public:
  PackWriter() = default;  // does nothing
  // payload must outlive this object.
  PackWriter(PackCache cache, std::span<const SourceFile> files, const Digest& id,
             std::span<const std::byte> payload, LoadNote note);

 private:
  std::jthread thread_;
};

}  // namespace serval::llm
