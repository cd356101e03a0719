#include "plugins/whisper/audio/mp3_file.h"

#include <mpg123.h>
#include <string>
#include <vector>

namespace serval::whisper {
namespace {

constexpr long kResyncBytes = 65536;  // of rubbish between two frames are skipped

struct Delete {
  void operator()(mpg123_handle* handle) const { mpg123_delete(handle); }
};

class Mp3File final : public MonoReader {
 public:
  explicit Mp3File(FileBytes file) : MonoReader(MemoryFile(file, kToldBytes)) {}

  bool open() {
    handle_.reset(mpg123_new(nullptr, nullptr));
    mpg123_handle* handle = handle_.get();
    return handle != nullptr &&
           mpg123_param(handle, MPG123_ADD_FLAGS,
                        MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_SKIP_ID3V2, 0) == MPG123_OK &&
           mpg123_param(handle, MPG123_RESYNC_LIMIT, kResyncBytes, 0) == MPG123_OK &&
           mpg123_replace_reader_handle(handle, read_memory, seek_memory, nullptr) == MPG123_OK &&
           mpg123_open_handle(handle, &file_) == MPG123_OK &&
           mpg123_getformat(handle, &rate_, &channels_, &encoding_) == MPG123_OK &&
           encoding_ == MPG123_ENC_FLOAT_32 && (channels_ == 1 || channels_ == 2);
  }

  int rate() const override { return int(rate_); }
  int64_t frames() const override {
    // Without a length it has no guess, and knows only what a header of the encoder's says.
    mpg123_set_filesize(handle_.get(), -1);
    const off_t length = mpg123_length(handle_.get());
    mpg123_set_filesize(handle_.get(), kToldBytes);
    return length >= 0 ? int64_t(length) : -1;
  }
  bool damaged() const override { return damaged_; }
  int64_t odd_values() const override { return odd_values_; }

  std::size_t read(std::span<float> out) override {
    interleaved_.resize(kPiece * std::size_t(channels_));
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      const std::size_t wanted = std::min(out.size() - done, kPiece);
      const std::size_t frame_bytes = sizeof(float) * std::size_t(channels_);
      std::size_t bytes = 0;
      const int status =
          mpg123_read(handle_.get(), interleaved_.data(), wanted * frame_bytes, &bytes);
      const std::size_t good = bytes / frame_bytes;
      odd_values_ += mix_down(interleaved_.data(), channels_, out.subspan(done, good));
      done += good;
      ended_ = status != MPG123_OK || good == 0;
      damaged_ = ended_ && status != MPG123_DONE;
    }
    return done;
  }

 private:
  static constexpr std::size_t kPiece = 4096;  // frames
  // The length it is told. It looks for a tag of so many bytes at the end, and finds the beginning.
  static constexpr int64_t kToldBytes = 128;

  static ssize_t read_memory(void* memory, void* out, std::size_t count) {
    return ssize_t(static_cast<MemoryFile*>(memory)->read(out, int64_t(count)));
  }
  static off_t seek_memory(void* memory, off_t offset, int from) {
    return off_t(static_cast<MemoryFile*>(memory)->seek(offset, from));
  }

  std::unique_ptr<mpg123_handle, Delete> handle_;
  long rate_ = 0;
  int channels_ = 0, encoding_ = 0;
  std::vector<float> interleaved_;  // [kPiece, channels]
  int64_t odd_values_ = 0;
  bool ended_ = false, damaged_ = false;
};

}  // namespace

Result<std::unique_ptr<MonoReader>> open_mp3_file(FileBytes bytes) {
  auto file = std::make_unique<Mp3File>(bytes);
  if (!file->open())
    return invalid("the audio file begins as an MP3 file but has no frame of MPEG audio");
  return std::unique_ptr<MonoReader>(std::move(file));
}

}  // namespace serval::whisper
