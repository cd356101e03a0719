// Only write(2) and what never allocates runs in the handler.
#include "host/cli/crash.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <execinfo.h>
#include <link.h>
#include <unistd.h>

#include "serval/plugin.h"

namespace serval::host {
namespace {

struct Mapped {
  uintptr_t begin = 0, end = 0;
  char id[64] = {};
};
std::array<Mapped, 64> mapped;
std::atomic<std::size_t> mapped_count{0};

void put(const char* text) {
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, text, std::strlen(text));
}

// The id in the module's Serval note, or nullptr.
const char* note_id(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const char*>(info.dlpi_addr + header.p_vaddr);
    const char* end = at + header.p_memsz;
    while (end - at >= std::ptrdiff_t(sizeof(ElfW(Nhdr)))) {
      const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(at);
      const char* name = at + sizeof note;
      const char* body = name + ((note.n_namesz + 3) & ~3u);
      if (note.n_namesz == 7 && std::memcmp(name, "Serval", 7) == 0 &&
          note.n_descsz >= sizeof(uint32_t) + 6 * sizeof(uint16_t) + 64)
        return body + sizeof(uint32_t) + 6 * sizeof(uint16_t);  // behind magic and six shorts
      at = body + ((note.n_descsz + 3) & ~3u);
    }
  }
  return nullptr;
}

int add_module(dl_phdr_info* info, std::size_t, void*) {
  const char* id = note_id(*info);
  const std::size_t count = mapped_count.load();
  if (id == nullptr || count == mapped.size()) return 0;
  Mapped& entry = mapped[count];
  entry.begin = UINTPTR_MAX;
  entry.end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    entry.begin = begin < entry.begin ? begin : entry.begin;
    entry.end = begin + header.p_memsz > entry.end ? begin + header.p_memsz : entry.end;
  }
  std::memcpy(entry.id, id, sizeof entry.id - 1);
  mapped_count.store(count + 1);
  return 0;
}

void on_fatal(int number) {
  char text[] = "serval: fatal signal 00\n";
  text[21] = char('0' + number / 10 % 10);
  text[22] = char('0' + number % 10);
  put(text);
  void* frames[64];
  const int count = backtrace(frames, 64);
  for (int i = 0; i < count; ++i)
    for (std::size_t m = 0; m < mapped_count.load(); ++m)
      if (uintptr_t(frames[i]) >= mapped[m].begin && uintptr_t(frames[i]) < mapped[m].end) {
        put("serval: in plugin ");
        put(mapped[m].id);
        put("\n");
        m = mapped.size();
        i = count;
      }
  backtrace_symbols_fd(frames, count, STDERR_FILENO);
  raise(number);  // its action is the default one again
}

}  // namespace

void install_crash_report() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  void* warm[1];
  backtrace(warm, 1);  // loads its library now, not in the handler
  struct sigaction action {};
  action.sa_handler = on_fatal;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    sigaction(number, &action, nullptr);
#endif
}

void remember_plugins() {
  mapped_count.store(0);
  dl_iterate_phdr(add_module, nullptr);
}

}  // namespace serval::host
