#include "plugins/whisper/audio/vorbis_headers.h"

#include <vorbis/codec.h>

// vorbisfile.h defines callbacks for files that nothing here uses.
#define OV_EXCLUDE_STATIC_CALLBACKS
#include <vorbis/vorbisfile.h>

#include "plugins/whisper/audio/memory_file.h"

namespace serval::whisper {

bool has_broken_vorbis_headers(std::string_view bytes) {
  if (bytes.find("\x01vorbis") == bytes.npos) return false;  // Opus, FLAC, Speex
  MemoryFile memory({bytes});
  const ov_callbacks calls = {
      .read_func = [](void* out, std::size_t size, std::size_t count, void* file) -> std::size_t {
        return std::size_t(
            static_cast<MemoryFile*>(file)->read(out, int64_t(size) * int64_t(count)));
      },
      .seek_func = nullptr,  // headers are read in one go
      .close_func = nullptr,
      .tell_func = nullptr};
  OggVorbis_File file;
  if (ov_test_callbacks(&memory, &file, nullptr, 0, calls) != 0) return true;
  ov_clear(&file);
  return false;
}

}  // namespace serval::whisper
