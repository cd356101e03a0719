#include "plugins/llm/pack_writer.h"

#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace serval::llm {
namespace {

void tell(const LoadNote& note, const Status& stored) {
  if (!note || stored.error().code == Code::cancelled) return;
  if (stored)
    note(false, "packed weights are kept for the next start");
  else
    note(true, "packed weights are not kept: " + stored.error().message);
}

}  // namespace

PackWriter::PackWriter(PackCache cache, std::span<const SourceFile> files, const Digest& id,
                       std::span<const std::byte> payload, LoadNote note) {
  std::vector<PackCache::Source> sources;
  for (const SourceFile& f : files) sources.push_back({f.path, f.file.stamp()});
  try {
    thread_ = std::jthread([cache = std::move(cache), sources = std::move(sources), id, payload,
                            note](const std::stop_token& stop) mutable {
      ::setpriority(PRIO_PROCESS, id_t(::gettid()), 10);  // requests come first
      tell(note, cache.store(sources, id, payload, stop));
    });
  } catch (const std::system_error& failed) {
    tell(note, error(Code::resource_exhausted, failed.what()));
  }
}

}  // namespace serval::llm
