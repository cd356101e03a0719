// What the engine knows of a request and of its windows.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plugins/whisper/decoding/window_decoder.h"
#include "plugins/whisper/decoding/word_aligner.h"
#include "plugins/whisper/engine/client.h"
#include "plugins/whisper/engine/params.h"
#include "plugins/whisper/model/model.h"

namespace serval::whisper {

struct Job;

// One window on its way through encoder and decoder.
struct WindowWork {
  enum class State { ready, decoding, aligning, done };

  Job* job = nullptr;
  int index = 0;  // among the windows of its request
  State state = State::ready;
  AudioWindow audio;
  bool full_padding = false;  // all 30 s are to be encoded
  SpeechModel::Cross cross;
  std::unique_ptr<WindowDecoder> decoder;
  std::vector<SpeechModel::Self> memories;  // by the decoder's slot
  std::unique_ptr<WordAligner> aligner;
  std::vector<float> alignment;  // weights of the aligner's last ask
  std::vector<Segment> segments;
  std::vector<AlignedWord> words;

  double begin() const { return audio.start_seconds(); }
};

// How a request is to be served.
struct RequestInfo {
  int priority = 0;  // lower is served sooner
};

struct FailedWindow {
  double begin, end;  // seconds
  std::string why;
};

struct Job {
  uint64_t id = 0;
  uint64_t order = 0;  // of arrival
  int priority = 0;
  std::unique_ptr<Client> client;
  TranscribeParams params;
  std::unique_ptr<WindowReader> reader;

  bool reading = false;  // its next window is in the queue
  bool all_read = false;
  int windows_read = 0;
  std::map<int, std::unique_ptr<WindowWork>> works;  // by index: read, not yet given out
  int next_out = 0;                                  // the window to be given out next

  std::string language;  // "": not known yet
  float language_prob = 1;
  PreviousText previous;
  double last_speech_end = 0;
  int segments_out = 0;
  int64_t tokens = 0;  // of all results
  std::vector<FailedWindow> failed;
  bool closed = false;  // the last event is out

  // Nothing else will come of it.
  bool single_window() const { return all_read && windows_read <= 1; }
};

}  // namespace serval::whisper
