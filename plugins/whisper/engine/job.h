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
#include "plugins/whisper/live/live_stream.h"
#include "plugins/whisper/live/stable_prefix.h"
#include "plugins/whisper/model/model.h"

namespace serval::whisper {

struct Job;

// One window on its way through encoder and decoder.
struct WindowWork {
  enum class State { ready, decoding, aligning, done };
  // In the order of their urgency.
  enum class Kind {
    final,    // a live piece that has ended
    pause,    // one in a pause: its final, if the speech ends with it
    partial,  // one that goes on: a hypothesis
    file,
  };

  Job* job = nullptr;
  Kind kind = Kind::file;
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
  Speech bare;  // of a live piece, the speech without what is around it

  bool live() const { return kind != Kind::file; }
  // Somebody waits for it to be final.
  bool urgent() const { return kind == Kind::final || kind == Kind::pause; }
  // What is decoded.
  Speech span() const { return {audio.begin, audio.begin + int64_t(audio.samples.size())}; }
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

// Of a request that is heard while somebody speaks.
struct LiveJob {
  LiveJob(LiveStream from, bool with_partials) : stream(std::move(from)), partials(with_partials) {}

  LiveStream stream;
  bool partials;
  // Of the piece that goes on. It has the index of the next window.
  std::unique_ptr<WindowWork> attempt;  // a pause or a partial
  int64_t tried_to = 0;                 // the sample that the latest hypothesis reaches to
  StablePrefix shown;
  std::vector<TokenId> draft;  // the latest hypothesis, a start for the next decoding
};

struct Job {
  uint64_t id = 0;
  uint64_t order = 0;  // of arrival
  int priority = 0;
  std::unique_ptr<Client> client;
  TranscribeParams params;
  std::unique_ptr<WindowReader> reader;  // one of the two
  std::unique_ptr<LiveJob> live;

  bool reading = false;  // its next window is in the queue
  bool readable = true;  // there may be input to read
  bool waits = false;    // its reader has used up what there was of a file
  bool arrived = false;  // ... of which all is there now
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
  // Of its audio.
  double seconds() const { return live ? live->stream.seconds() : reader->seconds(); }
  double speech_seconds() const {
    return live ? live->stream.speech_seconds() : reader->speech_seconds();
  }
  bool damaged() const { return live ? live->stream.damaged() : reader->damaged(); }
};

}  // namespace serval::whisper
