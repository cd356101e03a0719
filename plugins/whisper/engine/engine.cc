#include "plugins/whisper/engine/engine.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace serval::whisper {

Engine::Engine(EngineParts parts)
    : parts_(parts), free_memories_(hypotheses(parts.windows)), queue_(parts.audio_threads) {
  logits_.resize(std::size_t(kLogitRows) * std::size_t(parts_.model->shape().vocab));
}

void Engine::submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op,
                    std::size_t inputs, std::string_view params_json, const RequestInfo& info) {
  if (op == "describe") return describe(*client);
  const bool live = op == "transcribe_stream";
  if (op != "transcribe" && op != "transcribe_upload" && !live)
    return client->fail(error(Code::unimplemented, "this model transcribes speech; it cannot " +
                                                       std::string(op.substr(0, 64))));
  if (inputs != 1)
    return client->fail(invalid(std::string(op) + " takes one input, the audio; there are " +
                                std::to_string(inputs)));
  auto job = std::make_unique<Job>();
  const Status opened = live ? open_live(*job, params_json) : open_file(*job, params_json);
  if (!opened) return client->fail(opened.error());
  job->id = id;
  job->order = arrivals_++;
  job->priority = info.priority;
  job->client = std::move(client);
  live_ += int(live);
  job->language = parts_.tokenizer->multilingual() ? job->params.decode.language : "en";
  if (const LanguageToken* known = parts_.tokenizer->find_language_token(job->language))
    job->language = known->language->code;
  jobs_.emplace(id, std::move(job));
}

Status Engine::open_file(Job& job, std::string_view params_json) const {
  Result<TranscribeParams> params =
      parse_transcribe(params_json, *parts_.tokenizer, parts_.vad != nullptr);
  if (!params) return params.error();
  job.reader = std::make_unique<WindowReader>(params->pcm, params->cut, *parts_.mel, parts_.vad,
                                              parts_.max_audio_seconds);
  job.params = std::move(*params);
  return {};
}

bool Engine::step() {
  reap();
  bool worked = read_live();
  take_prepared();
  read_ahead();
  start_partial();
  worked |= encode();
  worked |= decode();
  if (worked) return true;
  if (live_ > 0 && parts_.audio_threads > 0) {  // live audio may come at any moment
    if (preparing_ > 0) queue_.wait(std::chrono::milliseconds(5));
    return preparing_ > 0;
  }
  if (queue_.help()) return true;
  if (preparing_ == 0) return false;
  queue_.wait();
  return true;
}

void Engine::reap() {
  std::vector<Job*> gone;
  for (auto& [id, job] : jobs_)
    if (job->client->cancelled()) gone.push_back(job.get());
  for (Job* job : gone) drop(*job);
}

// Shows the reader what has come of its file. False: too little for it to go on, or the job is
// gone.
bool Engine::let_in(Job& job) {
  if (job.arrived) return true;
  const std::size_t wanted = job.waits ? job.reader->wanted() : 0;
  std::string_view bytes;
  const Input input = job.client->arrived(wanted, bytes);
  if (input == Input::gone) return drop(job), false;
  job.arrived = input == Input::end;
  job.readable = job.arrived || bytes.size() >= wanted;
  if (!job.readable) return false;
  job.waits = false;
  job.reader->arrive({bytes, job.arrived});
  return true;
}

void Engine::read_ahead() {
  std::vector<Job*> waiting;
  for (auto& [id, job] : jobs_)
    if (!job->live && !job->reading && !job->all_read && job->readable && !job->client->blocked())
      waiting.push_back(job.get());
  std::sort(waiting.begin(), waiting.end(), [](const Job* a, const Job* b) {
    return std::tuple(a->priority, a->windows_read, a->order) <
           std::tuple(b->priority, b->windows_read, b->order);
  });
  for (Job* job : waiting) {
    // First windows have room of their own, so that no hour of audio keeps a short request out.
    const int all = waiting_windows(parts_.windows);
    const int most = job->windows_read == 0 ? all : all / 2;
    if (ready_ + preparing_ >= most) break;
    // What waits to be given out is bounded too.
    if (int(job->works.size()) >= 2 * parts_.windows || !let_in(*job)) continue;
    ++preparing_;
    job->reading = true;
    PrepareTask task;
    task.request = job->id;
    task.index = job->windows_read;
    task.priority = job->priority;
    task.reader = job->reader.get();
    // While there is nothing else to do this thread reads itself.
    queue_.push(std::move(task), !active_.empty() || ready_ > 0 || preparing_ > 1 || live_ > 0);
  }
}

void Engine::take_prepared() {
  queue_.take_done(done_);
  for (PrepareTask& task : done_) {
    --preparing_;
    Job& job = *jobs_.at(task.request);
    job.reading = false;
    if (!task.done) {
      fail(job, task.done.error());
      continue;
    }
    job.waits = *task.done == WindowReader::Next::wait;
    if (job.waits) continue;
    if (*task.done == WindowReader::Next::end) {
      job.all_read = true;
      counts_.audio_seconds += job.reader->seconds();
      give_out(job);
      continue;
    }
    auto work = std::make_unique<WindowWork>();
    work->job = &job;
    work->index = job.windows_read++;
    work->audio = std::move(task.window);
    work->full_padding = work->audio.frames == kMaxFrames;
    job.works.emplace(work->index, std::move(work));
    ++ready_;
  }
}

// Whether what the window's prompt needs is known.
bool Engine::may_start(const WindowWork& work) const {
  const Job& job = *work.job;
  if (work.state != WindowWork::State::ready || job.client->blocked()) return false;
  const bool needs_earlier = job.language.empty() || job.params.condition_on_previous_text;
  return !needs_earlier || work.index == job.next_out;
}

// The windows to encode now, the most urgent first.
std::vector<WindowWork*> Engine::choose() {
  std::vector<WindowWork*> ready;
  for (auto& [id, job] : jobs_) {
    for (auto& [index, work] : job->works)
      if (may_start(*work)) ready.push_back(work.get());
    if (job->live && job->live->attempt && may_start(*job->live->attempt))
      ready.push_back(job->live->attempt.get());
  }
  const auto key = [](const WindowWork* work) {
    return std::tuple(work->job->priority, work->kind, work->live() ? 0 : work->index,
                      work->job->order);
  };
  std::sort(ready.begin(), ready.end(),
            [&](const WindowWork* a, const WindowWork* b) { return key(a) < key(b); });
  const bool short_is_running =
      std::any_of(active_.begin(), active_.end(),
                  [](const WindowWork* work) { return work->job->single_window(); });
  const bool live_is_running = urgent_is_running();
  std::vector<WindowWork*> chosen;
  int states = 0;
  int memories = free_memories_;
  for (WindowWork* work : ready) {
    const int most = parts_.windows - (work->urgent() ? 0 : reserved());
    if (int(active_.size() + chosen.size()) >= most) break;
    if (!work->live()) {
      // Beside live audio files are encoded a window at a time, so that nothing waits for long.
      if (live_ > 0 && !chosen.empty()) break;
      const bool waits = (live_is_running && waits_ < kMostLiveWaits) ||
                         (short_is_running && work->index > 0 && waits_ < kMostWaits);
      if (waits) {
        ++waits_;
        break;
      }
    }
    start(*work);
    const int more = work->audio.frames / 2;
    if (states + more > kEncodedStates || work->decoder->slots() > memories) break;
    states += more;
    memories -= work->decoder->slots();
    chosen.push_back(work);
  }
  return chosen;
}

// The decoder of a window that is to be encoded, once.
void Engine::start(WindowWork& work) {
  if (work.decoder) return;
  const Job& job = *work.job;
  DecodeOptions options = job.params.decode;
  options.language = job.language;
  if (work.kind == WindowWork::Kind::partial) {  // one quick try
    options.temperatures = {0};
    options.beam_size = options.best_of = 1;
    options.patience = 1;
  }
  Window window;
  window.seconds = work.audio.seconds();
  window.full_padding = work.full_padding;
  if (job.params.condition_on_previous_text)
    window.previous.assign(job.previous.tokens().begin(), job.previous.tokens().end());
  if (job.live) window.draft = job.live->draft;
  work.decoder =
      std::make_unique<WindowDecoder>(*parts_.tokenizer, options, *parts_.ops, std::move(window));
}

bool Engine::encode() {
  const std::vector<WindowWork*> chosen = choose();
  if (chosen.empty()) return false;
  if (!std::all_of(chosen.begin(), chosen.end(), [](WindowWork* work) { return work->live(); }))
    waits_ = 0;
  std::vector<SpeechModel::EncodeItem> items;
  for (WindowWork* work : chosen)
    items.push_back(
        {work->audio.mel.data(), work->audio.frames, !work->full_padding, &work->cross});
  const Status encoded = parts_.model->encode(items);
  ++counts_.encodes;
  for (WindowWork* work : chosen) {
    --ready_;
    work->state = WindowWork::State::decoding;
    work->memories.resize(std::size_t(work->decoder->slots()));
    free_memories_ -= work->decoder->slots();
    work->audio.mel = {};
    active_.push_back(work);
  }
  if (encoded) return true;
  std::vector<Job*> failed;
  for (WindowWork* work : chosen) failed.push_back(work->job);
  std::sort(failed.begin(), failed.end());
  failed.erase(std::unique(failed.begin(), failed.end()), failed.end());
  for (Job* job : failed) fail(*job, encoded.error());
  return true;
}

std::size_t Engine::waiting() const {
  return std::size_t(std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) {
    return job.second->waits && !job.second->readable;
  }));
}

void Engine::readable(uint64_t id) {
  const auto found = jobs_.find(id);
  if (found != jobs_.end()) found->second->readable = true;
}

void Engine::writable(uint64_t id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  found->second->client->flush();
  give_out(*found->second);
}

void Engine::abort(const Error& why) {
  while (!jobs_.empty()) fail(*jobs_.begin()->second, why);
}

// The bytes of a request are its client's, and gone when that is finished.
void Engine::stop_reading(Job& job) {
  if (!std::exchange(job.reading, false)) return;
  queue_.remove(job.id);
  --preparing_;
}

void Engine::fail(Job& job, const Error& why) {
  stop_reading(job);
  job.client->fail(why);
  end(job);
}

void Engine::drop(Job& job) {
  stop_reading(job);
  job.client->finish_cancelled({});
  end(job);
}

// Frees everything of a request whose client is finished.
void Engine::end(Job& job) {
  if (job.live) {
    drop_attempt(job);
    --live_;
  }
  for (auto& [index, work] : job.works) {
    if (work->state == WindowWork::State::ready) --ready_;
    stop(*work);
  }
  jobs_.erase(job.id);
}

}  // namespace serval::whisper
