// A source of bytes that are all there.
#pragma once

#include <memory>
#include <string_view>

#include "plugins/whisper/audio/audio_source.h"

namespace serval::whisper {

inline Result<std::unique_ptr<AudioSource>> whole_source(std::string_view bytes,
                                                         std::optional<RawPcm> pcm = {}) {
  auto source = std::make_unique<AudioSource>(pcm);
  source->arrive({bytes});
  const Result<bool> begun = source->begin();
  if (!begun) return begun.error();
  return source;
}

}  // namespace serval::whisper
