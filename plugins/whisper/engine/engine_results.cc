// From finished windows to what clients are given, in the order of the audio.
#include "plugins/whisper/engine/engine.h"
#include "plugins/whisper/engine/results.h"

namespace serval::whisper {

void Engine::give_out(Job& job) {
  while (!job.client->blocked()) {
    const auto found = job.works.find(job.next_out);
    if (found == job.works.end() || found->second->state != WindowWork::State::done) break;
    give(job, *found->second);
    job.works.erase(found);
    ++job.next_out;
  }
  if (!job.all_read || !job.works.empty() || job.client->blocked()) return;
  if (!job.closed) {
    job.closed = true;
    job.client->emit(EventKind::json, summary_json(job, *parts_.tokenizer), {}, true);
    if (job.client->blocked()) return;
  }
  job.client->done(usage_json(job));
  end(job);
}

void Engine::give(Job& job, WindowWork& work) {
  const WindowResult& result = work.decoder->result();
  ++counts_.windows;
  counts_.tokens += result.tokens.size();
  counts_.degraded += uint64_t(result.verdict == Verdict::degraded);
  job.tokens += int64_t(result.tokens.size());
  if (job.language.empty()) {
    job.language = result.language;
    job.language_prob = result.language_prob;
  }
  if (result.verdict == Verdict::failed) {
    ++counts_.failed;
    job.failed.push_back({work.begin(), work.begin() + work.audio.seconds(), result.why});
  }
  if (!work.words.empty()) {
    const WordDurations durations = shorten_words(work.words);
    merge_punctuation(work.words);
    place_words(*parts_.tokenizer, work.words, durations, work.begin(), work.segments,
                job.last_speech_end);
  }
  job.previous.add(result.tokens, result.temperature);
  if (job.live) return give_live(job, work);
  for (const Segment& segment : work.segments)
    job.client->emit(EventKind::text, segment.text,
                     segment_json(segment, job.segments_out++, work, job.params.decode.timestamps),
                     false);
}

void Engine::describe(Client& client) const {
  client.emit(EventKind::json,
              description_json(*parts_.tokenizer, parts_.dtype, parts_.vad != nullptr), {}, true);
  client.done({});
}

}  // namespace serval::whisper
