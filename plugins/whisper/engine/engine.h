// The engine: requests in, segments out. Windows of all requests share the encoder's and the
// decoder's batches.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/thread_pool.h"
#include "plugins/whisper/engine/job.h"
#include "plugins/whisper/engine/prepare_queue.h"

namespace serval::whisper {

// What the engine has done since it started; for metrics.
struct EngineCounts {
  uint64_t encodes = 0, steps = 0;    // calls of the encoder and of the decoder
  uint64_t windows = 0;               // given out
  uint64_t tokens = 0;                // of their results
  uint64_t padded_again = 0;          // windows encoded once more with all their silence
  uint64_t degraded = 0, failed = 0;  // of the windows
  uint64_t partials = 0;              // hypotheses of live speech that goes on
  uint64_t pauses = 0;                // live pieces decoded before their pause was over
  uint64_t pauses_kept = 0;           // those that the speech ended with
  double audio_seconds = 0;           // read
  int rows = 0;                       // of the last decoder step
};

struct EngineParts {
  const SpeechTokenizer* tokenizer = nullptr;
  SpeechModel* model = nullptr;
  const Vad* vad = nullptr;  // null: no weights
  const LogMel* mel = nullptr;
  const Ops* ops = nullptr;
  ThreadPool* pool = nullptr;
  int windows = 16;  // most decoded at a time
  int audio_threads = 1;
  int max_audio_seconds = 14400;
  const char* dtype = "";  // for describe
};

// Not thread-safe: one thread owns it.
class Engine {
 public:
  explicit Engine(EngineParts parts);

  // Takes a request over; what is wrong with it goes to client->fail. The views live until the
  // client is finished.
  void submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op, std::size_t inputs,
              std::string_view params_json, const RequestInfo& info = {});

  // At most one pass of the encoder and one of the decoder. False: nothing could be done.
  bool step();

  // The client's reader has room again.
  void writable(uint64_t id);
  // The client's input, which had nothing to read, has more, or its end.
  void readable(uint64_t id);

  std::size_t running() const { return jobs_.size(); }
  std::size_t waiting() const;  // of these, how many have files that still have to come
  // Ends all requests with this error.
  void abort(const Error& why);

  const EngineCounts& counts() const { return counts_; }

  // Memories of hypotheses for so many windows: what a greedy window needs when it falls back to
  // sampling, and one beam search of the widest kind.
  static int hypotheses(int windows) { return 6 * windows + kMostHypotheses; }
  // Windows that have been read and wait for the encoder, where so many are decoded at a time. What
  // a live stream without any still reads comes on top.
  static int waiting_windows(int windows) { return 2 * (windows + 1); }
  static constexpr int kEncodedStates = 3000;  // most of one pass, all windows
  static constexpr int kRows = 256;            // tokens of one decoder pass

 private:
  // What one pass of the decoder computes.
  struct Pass {
    struct Part {
      WindowWork* work;
      std::size_t first_item;
    };
    std::vector<SpeechModel::DecodeItem> items;
    std::vector<Part> works;
    int rows = 0, logit_rows = 0;
  };

  static constexpr int kLogitRows = 64;  // of one decoder pass
  // A window of a long request waits so many passes for those of short ones, then it goes too.
  static constexpr int kMostWaits = 8;
  // ... and so many for live pieces that are to be final, and joins every so manieth pass of
  // theirs.
  static constexpr int kMostLiveWaits = 48;
  static constexpr int kJoinedPass = 4;

  void reap();
  // Where a request begins; params as they were given.
  Status open_file(Job& job, std::string_view params_json) const;
  Status open_live(Job& job, std::string_view params_json) const;
  // Audio.
  bool let_in(Job& job);
  void read_ahead();
  void take_prepared();
  // Live audio (engine_live.cc).
  bool read_live();
  bool read(Job& job);
  void take_pieces(Job& job);
  void follow(Job& job);
  void try_piece(Job& job, WindowWork::Kind kind, const OpenSpeech& open);
  std::unique_ptr<WindowWork> live_work(Job& job, WindowWork::Kind kind, const Speech& bare,
                                        AudioWindow audio);
  void start_partial();
  void hear(Job& job);
  void drop_attempt(Job& job);
  void give_live(Job& job, const WindowWork& work);
  int reserved() const;
  bool urgent_is_running() const;
  // Encoder.
  bool may_start(const WindowWork& work) const;
  std::vector<WindowWork*> choose();
  bool encode();
  void start(WindowWork& work);
  // Decoder (engine_decode.cc).
  bool decode();
  bool has_room(const WindowWork& work) const;
  Status add_asks(WindowWork& work);
  float* take_logits(int rows);
  void answer(const Pass::Part& part) const;
  void settle(WindowWork& work);
  void settle_alignment(WindowWork& work);
  void stop(WindowWork& work);
  // Results (engine_results.cc).
  void give_out(Job& job);
  void give(Job& job, WindowWork& work);
  void describe(Client& client) const;

  void stop_reading(Job& job);
  // The job is gone behind these.
  void fail(Job& job, const Error& why);
  void drop(Job& job);
  void end(Job& job);

  EngineParts parts_;
  std::unordered_map<uint64_t, std::unique_ptr<Job>> jobs_;
  uint64_t arrivals_ = 0;
  int preparing_ = 0;                    // tasks in the queue
  int ready_ = 0;                        // windows that wait for the encoder
  int free_memories_;                    // of hypotheses, not set aside for an active window
  int waits_ = 0;                        // passes that long requests have waited
  int passed_ = 0;                       // passes that files were not in
  int live_ = 0;                         // requests whose audio is still arriving
  const WindowWork* partial_ = nullptr;  // the one that is under way
  std::chrono::steady_clock::time_point partial_began_, next_partial_;
  std::vector<WindowWork*> active_;  // decoding or aligning
  std::size_t first_active_ = 0;     // where the next pass begins to collect

  Pass pass_;
  std::vector<float> logits_;  // [kLogitRows, vocab]

  std::vector<PrepareTask> done_;
  EngineCounts counts_;
  PrepareQueue queue_;  // last: its threads end before what they read
};

}  // namespace serval::whisper
