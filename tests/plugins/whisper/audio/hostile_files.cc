#include "tests/plugins/whisper/audio/hostile_files.h"

#include <limits>
#include <random>

#include "tests/plugins/whisper/audio/sound_writer.h"

namespace serval::whisper {
namespace {

std::string at(std::string bytes, std::size_t offset, const std::string& with) {
  return bytes.replace(offset, with.size(), with);
}
std::string little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += char(value >> (8 * i) & 255);
  return out;
}

}  // namespace

Files whole_files() {
  const std::pair<const char*, int> formats[] = {
      {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
      {"float wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT},
      {"adpcm wav", SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM},
      {"gsm wav", SF_FORMAT_WAV | SF_FORMAT_GSM610},
      {"w64", SF_FORMAT_W64 | SF_FORMAT_PCM_24},
      {"aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16},
      {"caf", SF_FORMAT_CAF | SF_FORMAT_ALAC_16},
      {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
      {"vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
      {"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
      {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
  };
  Files files;
  for (const auto& [name, format] : formats) {
    const bool mono = std::string(name) == "gsm wav";
    const int rate = mono ? 8000 : 48000, channels = mono ? 1 : 2;
    files[name] = sound_file(tone(rate, rate, channels), format, rate, channels);
  }
  return files;
}

namespace {

// Ways to damage any file.
void add_damaged(Files& files, const std::string& name, const std::string& whole) {
  const std::size_t size = whole.size();
  std::mt19937 random{unsigned(size)};
  files[name + ", first 12 bytes"] = whole.substr(0, 12);
  files[name + ", half its header"] = whole.substr(0, 30);
  files[name + ", half"] = whole.substr(0, size / 2);
  files[name + ", all but a byte"] = whole.substr(0, size - 1);
  files[name + ", without its beginning"] = whole.substr(7);
  files[name + ", a hole"] = at(whole, size / 3, std::string(size / 3, '\0'));
  files[name + ", ones in the header"] = at(whole, 16, std::string(24, '\xff'));
  std::string flipped = whole;
  for (std::size_t i = 0; i < 20; ++i) flipped[random() % size] ^= char(1 << random() % 8);
  files[name + ", bits flipped"] = flipped;
  std::string header = whole;
  for (std::size_t i = 0; i < 8; ++i) header[4 + random() % 100] = char(random());
  files[name + ", header overwritten"] = header;
  files[name + ", twice"] = whole + whole;
}

// Offsets of the plain WAV header that libsndfile writes.
constexpr std::size_t kRiffSize = 4, kFormat = 20, kChannels = 22, kRate = 24, kBlock = 32,
                      kBits = 34, kDataSize = 40;

}  // namespace

Files absurd_files() {
  const int plain = SF_FORMAT_WAV | SF_FORMAT_PCM_16, floats = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  const std::string wav = sound_file(tone(1000, 16000, 1), plain, 16000, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Files files;
  files["empty"] = "";
  files["one byte"] = "R";
  files["zeros"] = std::string(1000, '\0');
  files["ones"] = std::string(1000, '\xff');
  files["one sample"] = sound_file({0.5f}, plain, 16000, 1);
  files["no samples"] = sound_file({}, plain, 16000, 1);
  files["one sample at 768 kHz"] = sound_file({0.5f}, plain, 768000, 1);
  files["seven channels"] = sound_file(tone(16000, 16000, 7), plain, 16000, 7);
  files["192 kHz"] = sound_file(tone(192000, 192000, 1), plain, 192000, 1);
  files["1 kHz"] = sound_file(tone(1000, 1000, 1), plain, 1000, 1);
  files["NaN"] = sound_file(std::vector<float>(16000, nan), floats, 16000, 1);
  files["infinite"] = sound_file(std::vector<float>(1000, 1 / 0.0f), floats, 44100, 1);
  files["loud"] = sound_file(std::vector<float>(1000, 3e38f), floats, 44100, 1);
  files["denormal"] = sound_file(std::vector<float>(1000, 1e-44f), floats, 44100, 1);
  files["rate 0"] = at(wav, kRate, little(0, 4));
  files["rate 1"] = at(wav, kRate, little(1, 4));
  files["rate 2^31 - 1"] = at(wav, kRate, little(0x7fffffff, 4));
  files["rate 2^32 - 1"] = at(wav, kRate, little(0xffffffff, 4));
  files["no channels"] = at(wav, kChannels, little(0, 2));
  files["1,024 channels"] = at(wav, kChannels, little(1024, 2));
  files["65,535 channels"] = at(wav, kChannels, little(65535, 2));
  files["block of 0 bytes"] = at(wav, kBlock, little(0, 2));
  files["block of 65,535 bytes"] = at(wav, kBlock, little(65535, 2));
  files["0 bits"] = at(wav, kBits, little(0, 2));
  files["65,535 bits"] = at(wav, kBits, little(65535, 2));
  files["unknown codec"] = at(wav, kFormat, little(0x1234, 2));
  files["MP3 in WAV"] = at(wav, kFormat, little(0x55, 2));
  files["ADPCM that is none"] = at(wav, kFormat, little(2, 2));
  files["data of 4 GiB"] = at(wav, kDataSize, little(0xffffffff, 4));
  files["data of 2 GiB"] = at(wav, kDataSize, little(0x7fffffff, 4));
  files["data of 0 bytes"] = at(wav, kDataSize, little(0, 4));
  files["RIFF of 0 bytes"] = at(wav, kRiffSize, little(0, 4));
  files["a chunk of 4 GiB first"] = wav.substr(0, 12) + "LIST" + little(0xfffffff0, 4) + wav;
  files["chunks without end"] = wav.substr(0, 12) + std::string(100000, 'a');
  files["empty chunks without end"] = wav.substr(0, 12);
  for (int i = 0; i < 50000; ++i) files["empty chunks without end"] += "abcd" + little(0, 4);
  return files;
}

Files hostile_files() {
  Files files = absurd_files();
  for (const auto& [name, bytes] : whole_files()) add_damaged(files, name, bytes);
  return files;
}

}  // namespace serval::whisper
