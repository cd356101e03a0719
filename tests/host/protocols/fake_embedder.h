// A made-up model behind a FakeRegistry that answers as an embedding server does
// (docs/requests.md): every result follows from the bytes of its text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/request/request.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {

// The operations it has.
std::vector<std::string> embedder_ops();

// Answers all of them, the last item first. "refuse me" among the inputs ends the request as
// unimplemented, "too long" as out_of_range, "busy" as resource_exhausted with a time to retry,
// "crash" as internal.
//   embed     text_vector(), made of length 1 with `normalize`
//   rerank    1 / (1 + the difference of the lengths of query and text)
//   classify  LONG or SHORT, by 8 bytes; PAIR with the length of both
//   tokenize  one token a byte, its id the byte's value
void embedder_answers(const Request& request, const std::shared_ptr<FakeCall>& call);

// Numbers that a float holds exactly.
std::vector<float> text_vector(const std::string& text, std::size_t dimensions = 4);

// The bytes of f32 numbers, and a result that consists of them.
std::string bytes_of(const std::vector<float>& numbers);
Event tensor_event(uint32_t index, const std::vector<float>& numbers,
                   const std::vector<std::size_t>& shape);

}  // namespace serval::host
