// Live audio: what arrives, what is decoded of it and when. A piece of speech that has ended is
// final and goes first. One in a pause is decoded at once: should the speech end with it, the
// result is there, and it is the same one, because what is decoded does not depend on how long the
// pause lasts. Of one that goes on there are hypotheses, as far as there is time.
#include <algorithm>

#include "plugins/whisper/decoding/word_splitter.h"
#include "plugins/whisper/engine/engine.h"
#include "plugins/whisper/engine/results.h"

namespace serval::whisper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 16384;  // read at a time
constexpr int kMostReads = 4;               // of one stream in one step
constexpr std::size_t kMostWaiting = 3;  // pieces not yet given out, beyond which nothing is read
constexpr int kPartialBreak = 2;         // of so many times as long as a hypothesis took
constexpr int64_t kFreshSamples = kSampleRate / 2;  // that a new hypothesis needs

}  // namespace

Status Engine::open_live(Job& job, std::string_view params_json) const {
  Result<LiveParams> params = parse_live(params_json, *parts_.tokenizer, parts_.vad != nullptr);
  if (!params) return params.error();
  const CutOptions& cut = params->speech.cut;
  Result<LiveStream> stream = LiveStream::open(
      *params->speech.pcm, cut.speech, cut.vad == CutOptions::Vad::never ? nullptr : parts_.vad,
      int64_t{parts_.max_audio_seconds} * kSampleRate);
  if (!stream) return stream.error();
  job.params = std::move(params->speech);
  job.live = std::make_unique<LiveJob>(std::move(*stream), params->partials);
  return {};
}

// True: there may be more to read at once.
bool Engine::read_live() {
  if (live_ == 0) return false;
  std::vector<Job*> jobs;
  for (auto& [id, job] : jobs_)
    if (job->live && !job->all_read) jobs.push_back(job.get());
  bool more = false;
  for (Job* job : jobs) more |= read(*job);
  return more;
}

// As read_live, of one stream, which may end with it.
bool Engine::read(Job& job) {
  LiveJob& live = *job.live;
  char bytes[kPieceBytes];
  const auto may_read = [&] {
    const bool room = ready_ < waiting_windows(parts_.windows) && job.works.size() < kMostWaiting;
    return job.readable && !job.all_read && !job.client->blocked() && (room || job.works.empty());
  };
  for (int i = 0; i < kMostReads && may_read(); ++i) {
    std::size_t n = 0;
    switch (job.client->read_input(bytes, n)) {
      case Input::some:
        if (const Status pushed = live.stream.push({bytes, n}); !pushed) {
          fail(job, pushed.error());
          return true;
        }
        break;
      case Input::none:
        job.readable = false;
        break;
      case Input::end:
        live.stream.finish();
        job.all_read = true;
        counts_.audio_seconds += live.stream.seconds();
        break;
      case Input::gone:
        drop(job);
        return true;
    }
    take_pieces(job);
  }
  follow(job);
  const bool more = may_read();
  give_out(job);
  return more;
}

// The pieces that have ended. What was decoded in a pause that has ended one is its result.
void Engine::take_pieces(Job& job) {
  LiveJob& live = *job.live;
  while (std::optional<LivePiece> piece = live.stream.next()) {
    std::unique_ptr<WindowWork> work;
    if (live.attempt && live.attempt->kind == WindowWork::Kind::pause &&
        live.attempt->span() == piece->speech) {
      ++counts_.pauses_kept;
      work = std::move(live.attempt);
      work->kind = WindowWork::Kind::final;
    } else {
      drop_attempt(job);
      work = live_work(job, WindowWork::Kind::final, piece->bare,
                       make_window(*parts_.mel, piece->speech.begin, std::move(piece->samples)));
    }
    live.tried_to = piece->speech.end;
    job.works.emplace(job.windows_read++, std::move(work));
  }
}

std::unique_ptr<WindowWork> Engine::live_work(Job& job, WindowWork::Kind kind, const Speech& bare,
                                              AudioWindow audio) {
  auto work = std::make_unique<WindowWork>();
  work->job = &job;
  work->kind = kind;
  work->index = job.windows_read;
  work->audio = std::move(audio);
  work->full_padding = work->audio.frames == kMaxFrames;
  work->bare = bare;
  ++ready_;
  return work;
}

void Engine::try_piece(Job& job, WindowWork::Kind kind, const OpenSpeech& open) {
  LiveJob& live = *job.live;
  live.attempt =
      live_work(job, kind, open.bare,
                make_window(*parts_.mel, open.speech.begin, live.stream.samples(open.speech)));
  live.tried_to = open.speech.end;
}

// Keeps what is decoded of the piece that goes on in step with what was heard.
void Engine::follow(Job& job) {
  LiveJob& live = *job.live;
  const std::optional<OpenSpeech> open = live.stream.open();
  if (live.attempt && live.attempt->urgent() && (!open || live.attempt->span() != open->speech)) {
    // Speech went on. What the pause has cost may still be a hypothesis.
    WindowWork& work = *live.attempt;
    if (live.partials && work.state == WindowWork::State::done) hear(job);
    if (live.partials && work.state == WindowWork::State::decoding)
      work.kind = WindowWork::Kind::partial;
    else
      drop_attempt(job);
  }
  if (!open) drop_attempt(job);
  if (!open || !open->paused || job.readable || job.all_read || job.client->blocked()) return;
  if (live.attempt && live.attempt->urgent()) return;
  drop_attempt(job);
  try_piece(job, WindowWork::Kind::pause, *open);
  ++counts_.pauses;
}

// At most one hypothesis at a time, of the stream that has waited longest for one; none while
// anything is to be final, and they take a third of the time at most.
void Engine::start_partial() {
  if (live_ == 0 || partial_ != nullptr || Clock::now() < next_partial_ || urgent_is_running())
    return;
  Job* best = nullptr;
  int64_t most = kFreshSamples;
  for (auto& [id, job] : jobs_) {
    if (!job->live || job->client->blocked()) continue;
    const LiveJob& live = *job->live;
    if (!job->works.empty() || (live.attempt && live.attempt->urgent())) return;
    if (!live.partials || live.attempt || job->readable) continue;
    const std::optional<OpenSpeech> open = live.stream.open();
    if (!open || open->quiet) continue;  // in a pause it would be in the way of what is final
    const int64_t fresh = open->bare.end - std::max(open->bare.begin, live.tried_to);
    if (fresh < most) continue;
    most = fresh;
    best = job.get();
  }
  if (best == nullptr) return;
  try_piece(*best, WindowWork::Kind::partial, *best->live->stream.open());
  partial_ = best->live->attempt.get();
  partial_began_ = Clock::now();
}

// The result of the attempt as a hypothesis.
void Engine::hear(Job& job) {
  const WindowWork& work = *job.live->attempt;
  const WindowResult& result = work.decoder->result();
  ++counts_.partials;
  if (result.verdict == Verdict::good && work.index == job.next_out)
    job.live->draft = result.tokens;
  // Behind a text that is not out yet it would take that one's place.
  if (result.verdict != Verdict::good || result.silent || !job.works.empty()) return;
  std::vector<std::string> words;
  for (TokenWord& word : split_words(*parts_.tokenizer, result.language, result.tokens))
    if (parts_.tokenizer->is_text(word.tokens[0])) words.push_back(std::move(word.text));
  if (!job.live->shown.hear(words)) return;
  job.client->emit(
      EventKind::text, job.live->shown.text(),
      live_json(false, double(work.bare.begin) / kSampleRate, double(work.bare.end) / kSampleRate),
      false);
}

void Engine::drop_attempt(Job& job) {
  std::unique_ptr<WindowWork> work = std::move(job.live->attempt);
  if (!work) return;
  if (work->state == WindowWork::State::ready) --ready_;
  stop(*work);
  if (work.get() != partial_) return;
  partial_ = nullptr;
  const Clock::time_point now = Clock::now();
  next_partial_ = now + kPartialBreak * (now - partial_began_);
}

void Engine::give_live(Job& job, const WindowWork& work) {
  std::string text;
  for (const Segment& segment : work.segments) text += segment.text;
  const double start = double(work.bare.begin) / kSampleRate,
               end = double(work.bare.end) / kSampleRate;
  if (!text.empty())
    job.client->emit(
        EventKind::text, text,
        live_json(true, start, end, work.decoder->result().verdict == Verdict::degraded), false);
  else if (!job.live->shown.text().empty())  // it is taken back
    job.client->emit(EventKind::text, {}, live_json(false, start, end), false);
  job.live->shown.clear();
  job.live->draft.clear();
}

// Windows that are kept free for live pieces that are to be final.
int Engine::reserved() const { return std::min(live_, parts_.windows / 2); }

// A live piece that is to be final is being decoded.
bool Engine::urgent_is_running() const {
  return std::any_of(active_.begin(), active_.end(),
                     [](const WindowWork* work) { return work->urgent(); });
}

}  // namespace serval::whisper
