#include "plugins/whisper/audio/sound_format.h"

#include <algorithm>

namespace serval::whisper {
namespace {

struct Mark {
  std::size_t offset;
  std::string_view bytes;
  SoundFormat format;
};

using namespace std::string_view_literals;
constexpr SoundFormat kMp3{"an MP3 file", true, true, true}, kWav{"a WAV file", true, false, true};
constexpr Mark kMarks[] = {
    {8, "WAVE"sv, {"a WAV file"}},  // RIFF, or RF64 with sizes of its own
    {0, "RIFF"sv, {"a RIFF file"}},
    {0, "riff\x2e\x91\xcf\x11"sv, {"a W64 file"}},
    {0, "fLaC"sv, {"a FLAC file", true, false, true}},
    {0, "OggS"sv, {"an Ogg file"}},
    {0, "FORM"sv, {"an AIFF file"}},
    {0, ".snd"sv, {"an AU file"}},
    {0, "caff"sv, {"a CAF file"}},
    {4, "ftyp"sv, {"an MP4 or M4A file", false}},
    {0, "\x1a\x45\xdf\xa3"sv, {"a WebM or Matroska file", false}},
    {0, "\x30\x26\xb2\x75"sv, {"a WMA file", false}},
    {0, "#!AMR"sv, {"an AMR file", false}},
    {0, "FLV"sv, {"a Flash video", false}},
    {0, "%PDF"sv, {"a PDF", false}},
    {0, "\x89PNG"sv, {"a PNG picture", false}},
    {0, "\xff\xd8\xff"sv, {"a JPEG picture", false}},
    {0, "PK\x03\x04"sv, {"a ZIP archive", false}},
    {0, "\x1f\x8b"sv, {"a gzip archive", false}},
};

bool printable(char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; }

// Tags that players put before the sound: "ID3", version, flags, length in four times 7 bits.
std::string_view behind_id3(std::string_view bytes) {
  while (bytes.size() > 10 && bytes.starts_with("ID3")) {
    std::size_t length = 10;
    for (int i = 0; i < 4; ++i) length += std::size_t(bytes[6 + i] & 0x7f) << (7 * (3 - i));
    bytes.remove_prefix(std::min(length, bytes.size()));
  }
  return bytes;
}

}  // namespace

SoundFormat guess_sound_format(std::string_view whole) {
  const std::string_view bytes = behind_id3(whole);
  // First, as libsndfile looks for it first too and would read it by itself.
  if (bytes.size() >= 2 && bytes[0] == '\xff') {
    if ((bytes[1] & 0xf6) == 0xf0) return {"an AAC file", false};
    if ((bytes[1] & 0xe0) == 0xe0) return kMp3;
  }
  if (whole.starts_with("RIFF") && whole.substr(0, 12).ends_with("WAVE")) return kWav;
  for (const Mark& mark : kMarks)
    if (bytes.size() >= mark.offset && bytes.substr(mark.offset).starts_with(mark.bytes))
      return mark.format;
  if (bytes.size() < whole.size()) return kMp3;  // the usual bearer of tags
  const std::string_view head = bytes.substr(0, 64);
  if (head.size() >= 8 && std::all_of(head.begin(), head.end(), printable))
    return {"a text", false};
  return {};
}

int64_t wav_data_end(std::string_view bytes) {
  if (!bytes.starts_with("RIFF")) return -1;
  std::size_t at = 12;  // "RIFF", a length, "WAVE"; then chunks: a name, a length, so many bytes
  while (bytes.size() >= at + 8) {
    uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length |= uint32_t(static_cast<unsigned char>(bytes[at + 4 + i])) << (8 * i);
    if (bytes.substr(at, 4) == "data") return int64_t(at) + 8 + length;
    at += 8 + std::size_t(length) + length % 2;
  }
  return -1;
}

}  // namespace serval::whisper
