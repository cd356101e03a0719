// From the bytes of a request to the windows of at most 30 s that are decoded, piece by piece: an
// hour of audio is never in memory as samples.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "plugins/whisper/audio/audio_source.h"
#include "plugins/whisper/audio/log_mel.h"
#include "plugins/whisper/vad/energy_cutter.h"
#include "plugins/whisper/vad/speech_segmenter.h"
#include "plugins/whisper/vad/vad.h"

namespace serval::whisper {

// Silence behind the audio of a window that is encoded with it: a second, or what makes it as long as
// a decoder takes.
enum class Padding { second, full };

struct CutOptions {
  enum class Vad { automatic, always, never };
  Vad vad = Vad::automatic;  // automatic: for audio longer than a window, where there are weights
  VadOptions speech;
  Padding padding = Padding::second;
};

struct AudioWindow {
  int64_t begin = 0;           // sample at 16 kHz where it begins
  std::vector<float> samples;  // at most kMaxSamples
  int frames = 0;              // of mel; the model's padding in them, at most kMaxFrames
  std::vector<float> mel;      // [frames, mels]

  double start_seconds() const { return double(begin) / kSampleRate; }
  double seconds() const { return double(samples.size()) / kSampleRate; }
  int audio_frames() const { return int((samples.size() + kHop - 1) / kHop); }
};

// Frames for so many samples as the encoder wants them: a second of silence behind them, whole
// blocks of states.
int padded_frames(std::size_t samples);
// With its mel. samples: at most kMaxSamples
AudioWindow make_window(const LogMel& mel, int64_t begin, std::vector<float> samples,
                        Padding padding = Padding::second);

// One thread at a time.
class WindowReader {
 public:
  enum class Next { window, end, wait };

  // pcm: of headerless samples, else it is a file. mel and vad (or null) outlive it. most_seconds:
  // of the audio.
  WindowReader(const std::optional<RawPcm>& pcm, const CutOptions& cut, const LogMel& mel,
               const Vad* vad, int most_seconds);

  // What there is now of the bytes: at least as much as before, at the same place. They outlive the
  // reader.
  void arrive(FileBytes file);

  // The next window with its mel; or its end; wait: more bytes are needed. Windows do not depend on
  // how the bytes came. Errors: those of AudioSource; out_of_range, naming the limit, for audio
  // that says or turns out to be longer; all with param "audio", unless it is another's.
  Result<Next> next(AudioWindow& window);
  // There is no use in next() before so many bytes are there, or all.
  std::size_t wanted() const { return source_.wanted(); }

  double seconds() const { return double(read_) / kSampleRate; }  // read so far
  double speech_seconds() const { return double(in_windows_) / kSampleRate; }
  bool damaged() const { return source_.damaged(); }

 private:
  Result<bool> open();
  Result<bool> begin();
  Result<bool> fill(std::size_t wanted);
  Result<Next> find(AudioWindow& window);
  void examine();
  AudioWindow take(int64_t begin, int64_t end);
  void drop_before(int64_t sample);

  AudioSource source_;
  CutOptions cut_;
  const LogMel& mel_;
  const Vad* vad_;
  int64_t most_;              // samples
  bool complete_ = false;     // the bytes are
  bool told_length_ = false;  // the file has been asked for its length
  bool opened_ = false, started_ = false, ended_ = false;
  int64_t read_ = 0;  // samples read
  int64_t in_windows_ = 0;
  int64_t buffer_begin_ = 0;  // the sample that buffer_ begins with
  std::vector<float> buffer_;
  Vad::State vad_state_;
  std::optional<SpeechSegmenter> segmenter_;  // one of the two finds where windows begin and end
  std::optional<EnergyCutter> cutter_;
  int64_t examined_ = 0;  // samples it has seen
  bool finished_ = false;
  std::vector<float> probabilities_;
};

}  // namespace serval::whisper
