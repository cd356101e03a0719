// The decoder's passes: what all active windows ask for, in one batch.
#include <algorithm>

#include "plugins/whisper/engine/engine.h"

namespace serval::whisper {

bool Engine::decode() {
  if (active_.empty()) return false;
  pass_ = {};
  Status status;
  for (WindowWork* work : active_)  // live ones first
    if (status && work->live() && has_room(*work)) status = add_asks(*work);
  const std::size_t count = active_.size();
  first_active_ %= count;
  const bool waits = urgent_is_running() && ++passed_ % kJoinedPass != 0;
  for (std::size_t i = 0; i < count && status && !waits; ++i) {
    const std::size_t at = (first_active_ + i) % count;
    if (active_[at]->live()) continue;
    if (has_room(*active_[at])) {
      status = add_asks(*active_[at]);
      continue;
    }
    first_active_ = at;  // its turn comes first the next time
    break;
  }
  if (status) status = parts_.model->decode(pass_.items);
  ++counts_.steps;
  counts_.rows = pass_.rows;
  if (!status) {
    while (!active_.empty()) fail(*active_.front()->job, status.error());
    return true;
  }
  parts_.pool->run(int(pass_.works.size()), [&](int i) { answer(pass_.works[std::size_t(i)]); });
  for (const auto& [work, first] : pass_.works) {
    if (work->state == WindowWork::State::aligning) {
      if (work->aligner->done()) settle_alignment(*work);
    } else if (work->decoder->done()) {
      settle(*work);
    }
  }
  return true;
}

bool Engine::has_room(const WindowWork& work) const {
  int rows = 0, logit_rows = 0;
  if (work.state == WindowWork::State::aligning) {
    rows = logit_rows = int(work.aligner->ask().size());
  } else {
    for (const Ask& ask : work.decoder->asks()) {
      rows += int(ask.tokens.size());
      if (ask.rows != Rows::none) logit_rows += ask.rows == Rows::all ? int(ask.tokens.size()) : 1;
    }
  }
  return pass_.rows + rows <= kRows && pass_.logit_rows + logit_rows <= kLogitRows;
}

Status Engine::add_asks(WindowWork& work) {
  pass_.works.push_back({&work, pass_.items.size()});
  if (work.state == WindowWork::State::aligning) {
    const std::span<const TokenId> tokens = work.aligner->ask();
    const std::size_t heads = parts_.model->config().alignment_heads.size();
    work.alignment.resize(heads * tokens.size() * std::size_t(work.cross.states()));
    SpeechModel::DecodeItem item{tokens, &work.memories[0], &work.cross};
    item.alignment = work.alignment.data();
    item.all_logits = take_logits(int(tokens.size()));
    pass_.rows += int(tokens.size());
    pass_.items.push_back(item);
    return {};
  }
  for (const Ask& ask : work.decoder->asks()) {
    SpeechModel::Self& memory = work.memories[std::size_t(ask.slot)];
    if (ask.parent < 0) {
      memory.clear();
    } else if (ask.parent != ask.slot) {
      if (Status copied = memory.copy_from(work.memories[std::size_t(ask.parent)]); !copied)
        return copied;
    }
    memory.drop(ask.dropped);
    SpeechModel::DecodeItem item{ask.tokens, &memory, &work.cross};
    if (ask.rows == Rows::last) item.logits = take_logits(1);
    if (ask.rows == Rows::all) item.all_logits = take_logits(int(ask.tokens.size()));
    pass_.rows += int(ask.tokens.size());
    pass_.items.push_back(item);
  }
  return {};
}

// The next rows of the pass's logits.
float* Engine::take_logits(int rows) {
  float* at = logits_.data() + int64_t(pass_.logit_rows) * parts_.model->shape().vocab;
  pass_.logit_rows += rows;
  return at;
}

// Runs on any thread of the pool, for one window each.
void Engine::answer(const Pass::Part& part) const {
  WindowWork& work = *part.work;
  const int vocab = parts_.model->shape().vocab;
  const SpeechModel::DecodeItem* item = &pass_.items[part.first_item];
  if (work.state == WindowWork::State::aligning)
    return work.aligner->answer(work.alignment.data(), work.cross.states(), item->all_logits,
                                vocab);
  std::vector<float*> logits;
  for (std::size_t i = 0; i < work.decoder->asks().size(); ++i, ++item)
    logits.push_back(item->logits != nullptr ? item->logits : item->all_logits);
  work.decoder->answer(logits, vocab);
}

// A decoder is done: its window is encoded again, aligned, or ready to be given out.
void Engine::settle(WindowWork& work) {
  if (work.kind == WindowWork::Kind::partial) {
    stop(work);
    work.state = WindowWork::State::done;
    hear(*work.job);
    return drop_attempt(*work.job);
  }
  const WindowResult& result = work.decoder->result();
  if (result.verdict == Verdict::retry_full_padding) {
    stop(work);
    ++counts_.padded_again;
    work.full_padding = true;
    work.audio.frames = kMaxFrames;
    work.audio.mel.resize(std::size_t(kMaxFrames) * std::size_t(parts_.mel->mels()));
    parts_.mel->run(work.audio.samples, kMaxFrames, work.audio.mel.data());
    work.decoder->restart();
    work.state = WindowWork::State::ready;
    ++ready_;
    return;
  }
  const DecodeOptions& options = work.job->params.decode;
  if (!result.silent && result.verdict != Verdict::failed) {
    work.segments =
        split_window(*parts_.tokenizer, result.tokens, work.audio.audio_frames(), work.begin());
    // A guessed time may lie in the silence behind the window, where the next one speaks.
    const double end = work.begin() + work.audio.seconds();
    for (Segment& segment : work.segments) {
      segment.start = std::min(segment.start, end);
      segment.end = std::min(segment.end, end);
    }
    drop_empty(work.segments);
  }
  if (options.timestamps != Timestamps::word || work.segments.empty()) {
    stop(work);
    work.state = WindowWork::State::done;
    if (work.kind != WindowWork::Kind::pause) give_out(*work.job);
    return;
  }
  work.aligner = std::make_unique<WordAligner>(
      *parts_.tokenizer, *parts_.ops, work.segments, result.language, options.translate,
      work.audio.audio_frames(), int(parts_.model->config().alignment_heads.size()));
  for (SpeechModel::Self& memory : work.memories) memory.clear();
  work.state = WindowWork::State::aligning;
  if (work.aligner->done()) settle_alignment(work);
}

void Engine::settle_alignment(WindowWork& work) {
  work.words = work.aligner->words();
  work.aligner.reset();
  work.alignment = {};
  stop(work);
  work.state = WindowWork::State::done;
  give_out(*work.job);
}

// The window leaves the decoder, whose memory it gives back.
void Engine::stop(WindowWork& work) {
  if (std::erase(active_, &work) == 0) return;
  free_memories_ += int(work.memories.size());
  work.memories.clear();
  work.cross.clear();
}

}  // namespace serval::whisper
