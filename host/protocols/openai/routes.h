// OpenAI's API under /v1: models, chat/completions, completions, embeddings, audio.
// docs/requests.md names the operations behind it.
#pragma once

#include <cstddef>

#include "host/models/registry.h"
#include "host/net/router.h"

namespace serval::host {

struct OpenAiOptions {
  ModelRegistry* registry = nullptr;       // required; outlives the router
  int choices = 128;                       // most choices of one request: n times prompts
  std::size_t items = 4096;                // most inputs of one request for embeddings
  std::size_t body_bytes = 32u << 20;      // of one request
  std::size_t audio_bytes = 512u << 20;    // of one with audio
  std::size_t response_bytes = 64u << 20;  // most bytes gathered for a reply that is not streamed
};

void add_openai_routes(Router& router, const OpenAiOptions& options);

}  // namespace serval::host
