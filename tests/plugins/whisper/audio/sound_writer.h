// Sounds for tests, as samples and as files in memory.
#pragma once

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sndfile.h>
#include <string>
#include <vector>

namespace serval::whisper {

// A tone of 440 Hz at half of full scale, the same in all channels: [frames, channels].
inline std::vector<float> tone(int frames, int rate, int channels) {
  std::vector<float> samples;
  for (int i = 0; i < frames; ++i) {
    const auto value = float(0.5 * std::sin(2 * M_PI * 440 * i / rate));
    samples.insert(samples.end(), std::size_t(channels), value);
  }
  return samples;
}

// What libsndfile writes to, as it writes files.
class MemoryWriter {
 public:
  static SF_VIRTUAL_IO calls() {
    return {.get_filelen = [](void* self) { return sf_count_t(of(self).bytes.size()); },
            .seek =
                [](sf_count_t offset, int from, void* self) {
                  MemoryWriter& w = of(self);
                  const sf_count_t size = sf_count_t(w.bytes.size());
                  return w.at = offset + (from == SEEK_SET ? 0 : from == SEEK_CUR ? w.at : size);
                },
            .read =
                [](void* out, sf_count_t count, void* self) {
                  MemoryWriter& w = of(self);
                  const std::size_t got =
                      w.bytes.copy(static_cast<char*>(out), std::size_t(count), std::size_t(w.at));
                  w.at += sf_count_t(got);
                  return sf_count_t(got);
                },
            .write =
                [](const void* data, sf_count_t count, void* self) {
                  MemoryWriter& w = of(self);
                  const std::size_t end = std::size_t(w.at + count);
                  if (w.bytes.size() < end) w.bytes.resize(end);
                  std::memcpy(w.bytes.data() + w.at, data, std::size_t(count));
                  w.at += count;
                  return count;
                },
            .tell = [](void* self) { return of(self).at; }};
  }
  static MemoryWriter& of(void* self) { return *static_cast<MemoryWriter*>(self); }

  std::string bytes;
  sf_count_t at = 0;
};

// samples: [frames, channels]. format: SF_FORMAT_...
inline std::string sound_file(const std::vector<float>& samples, int format, int rate,
                              int channels) {
  SF_INFO info = {};
  info.format = format;
  info.samplerate = rate;
  info.channels = channels;
  SF_VIRTUAL_IO calls = MemoryWriter::calls();
  MemoryWriter memory;
  SNDFILE* file = sf_open_virtual(&calls, SFM_WRITE, &info, &memory);
  if (file == nullptr) {
    ADD_FAILURE() << "format " << std::hex << format << ": " << sf_strerror(nullptr);
    return {};
  }
  sf_writef_float(file, samples.data(), sf_count_t(samples.size()) / channels);
  sf_close(file);
  return memory.bytes;
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace serval::whisper
