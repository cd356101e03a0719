// Any bytes as a GGUF file: opened, read to the end through every getter, and asked for a
// tokenizer.
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "common/formats/gguf.h"
#include "common/formats/tokenizer_gguf.h"
#include "walk_gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const int fd = ::memfd_create("gguf_fuzz", 0);
  if (fd < 0) return 0;
  if (::write(fd, data, size) == ssize_t(size)) {
    const auto file = serval::open_gguf("/proc/self/fd/" + std::to_string(fd));
    if (file) {
      serval::walk_gguf(*file);
      if (const auto tokenizer = serval::tokenizer_from_gguf(*file))
        tokenizer->encode("abc <x> \xff\xcc\x81 12 it's\n\n", {true, true});
    }
  }
  ::close(fd);
  return 0;
}
