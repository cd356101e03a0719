// From a model's results to what clients are given.
#include <bit>

#include "common/utf8.h"
#include "plugins/bei/engine.h"
#include "plugins/bei/outputs.h"

namespace serval::bei {
namespace {

std::string_view bytes_of(std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little, "tensors are little-endian");
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

void append(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

}  // namespace

// Everything that a pooled vector or the logits of a text depend on, and whose they are.
std::string Engine::cache_key(const Job& job, std::size_t item) const {
  std::string key;
  append(key, job.space);
  const char kind[] = {char('0' + int(job.want)), job.params.truncate ? 't' : '-',
                       job.params.keep_end ? 'e' : '-', job.params.token_ids ? 'i' : '-'};
  key.append(kind, sizeof(kind));
  if (job.params.token_ids) {
    const std::vector<int32_t>& ids = (*job.params.token_ids)[item];
    append(key, {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t)});
    return key;
  }
  const ItemText text = item_text(job, item, parts_.facts);
  append(key, text.prompt);
  append(key, text.first);
  key += text.pair ? 'p' : '-';
  append(key, text.second);
  return key;
}

bool Engine::from_cache(Job& job, std::size_t item) {
  if (!cache_.on() || (job.want != Want::pooled && job.want != Want::classes) ||
      job.op == Op::tokenize)
    return false;
  const CachedResult* found = cache_.find(cache_key(job, item));
  if (found == nullptr) return false;
  ++counts_.cache_hits;
  job.items[item].encoding.ids.assign(std::size_t(found->tokens), 0);  // for the counts
  give(job, item, found->values);
  return true;
}

// The result of an item, which is also that of its copies. May end the request.
void Engine::give(Job& job, std::size_t item, std::span<const float> values) {
  const TextEncoding encoding = std::move(job.items[item].encoding);
  // About what the client keeps of it if its reader is slow; JSON is longer than the numbers.
  const std::size_t bytes = values.size() * 12 + encoding.ids.size() * 80;
  for (int next = int(item); next >= 0;) {
    Item& place = job.items[std::size_t(next)];
    if (job.parked && kept_bytes_ + bytes > parts_.most_kept_bytes) {
      // Its turn comes again, and that of the copies behind it.
      place.encoding = {};
      job.again.push_back(next);
      break;
    }
    counts_.copies += uint64_t(next != int(item));
    place.encoding = encoding;
    emit(job, std::size_t(next), values);
    next = place.next_copy;
    if (!job.client->blocked()) continue;
    park(job);
    job.kept_bytes += bytes;
    kept_bytes_ += bytes;
  }
  settle(job);
}

void Engine::emit(Job& job, std::size_t item, std::span<const float> values) {
  const TextEncoding& encoding = job.items[item].encoding;
  Client& client = *job.client;
  const int index = int(item);
  if (job.op == Op::embed && job.want == Want::sparse) {
    client.emit(EventKind::json, index, sparse_json(values), {});
  } else if (job.op == Op::embed) {
    emit_vector(job, item, values);
  } else if (job.op == Op::tokenize) {
    client.emit(EventKind::json, index, tokens_json(encoding, *parts_.tokenizer), {});
  } else if (job.want == Want::token_classes) {
    client.emit(
        EventKind::json, index,
        token_classes_json(values, parts_.facts, job.params.raw_scores, job.inputs[item], encoding),
        {});
  } else if (job.op == Op::classify) {
    client.emit(EventKind::json, index, classes_json(values, parts_.facts, job.params.raw_scores),
                {});
  } else {
    take_score(job, item, values);
  }
  count_done(job, item);
}

void Engine::emit_vector(Job& job, std::size_t item, std::span<const float> values) {
  const int tokens = int(job.items[item].encoding.ids.size());
  if (job.want == Want::pooled) {
    const std::vector<float> vector = finish_vector(values, job.params);
    const int shape[] = {int(vector.size())};
    return job.client->emit(EventKind::tensor, int(item), bytes_of(vector),
                            tensor_meta(shape, tokens));
  }
  std::vector<float> states(values.begin(), values.end());
  const std::size_t width = std::size_t(parts_.facts.hidden);
  for (std::size_t at = 0; job.params.normalize && at < states.size(); at += width)
    normalize(std::span(states).subspan(at, width));
  const int shape[] = {tokens, parts_.facts.hidden};
  job.client->emit(EventKind::tensor, int(item), bytes_of(states), tensor_meta(shape, tokens));
}

// One text's score of a rerank; the last one sends them all.
void Engine::take_score(Job& job, std::size_t item, std::span<const float> values) {
  if (!job.reranks_embeddings(parts_.facts.task)) {
    job.scores[item] = job.params.raw_scores ? values[0] : sigmoid(values[0]);
  } else if (item == 0) {
    job.query.assign(values.begin(), values.end());
    for (std::size_t i = 1; i < job.items.size(); ++i) {
      if (job.items[i].kept.empty()) continue;
      job.scores[i - 1] = cosine(job.query, job.items[i].kept);
      job.items[i].kept = {};
    }
  } else if (job.query.empty()) {
    job.items[item].kept.assign(values.begin(), values.end());
  } else {
    job.scores[item - 1] = cosine(job.query, values);
  }
  if (job.open > 1) return;
  const int shape[] = {int(job.scores.size())};
  job.client->emit(
      EventKind::tensor, 0, bytes_of(job.scores),
      tensor_meta(shape, int(job.prompt_tokens) + int(job.items[item].encoding.ids.size())));
}

void Engine::count_done(Job& job, std::size_t item) {
  job.prompt_tokens += int64_t(job.items[item].encoding.ids.size());
  job.items[item].encoding = {};
  --job.open;
  ++counts_.items;
}

// Needs no model.
void Engine::answer_at_once(Job& job) {
  if (job.op == Op::describe) {
    job.client->emit(EventKind::json, 0, describe_json(parts_.facts), {});
    job.open = 0;
  } else {
    for (std::size_t i = 0; i < job.items.size(); ++i) {
      const std::vector<int32_t>& ids = (*job.params.token_ids)[i];
      job.client->emit(
          EventKind::text, int(i),
          replace_invalid_utf8(parts_.tokenizer->decode(ids, job.params.skip_special_tokens)), {});
      job.prompt_tokens += int64_t(ids.size());
      --job.open;
    }
  }
  job.parked = job.client->blocked();
  settle(job);
}

}  // namespace serval::bei
