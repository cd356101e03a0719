#include "plugins/llm/text_stream.h"

#include <algorithm>

#include "common/utf8.h"

namespace serval::llm {

bool TextStream::add(std::string_view bytes, std::string note) {
  const std::size_t before = pending_.size();
  pending_ += bytes;
  if (!note.empty()) notes_.push_back({before, pending_.size(), std::move(note)});

  // A stop string that is complete now ends inside the new bytes.
  std::size_t cut = std::string::npos;
  for (const std::string& stop : *stops_) {
    const std::size_t from = before >= stop.size() ? before - stop.size() + 1 : 0;
    cut = std::min(cut, pending_.find(stop, from));
  }
  if (cut == std::string::npos) return false;
  pending_.resize(cut);
  std::erase_if(notes_, [&](const Note& n) { return n.begin >= cut; });
  for (Note& n : notes_) n.end = std::min(n.end, cut);
  ended_ = true;
  return true;
}

// Bytes at the end that could be the start of a stop string or an unfinished character.
std::size_t TextStream::held_back() const {
  if (ended_) return 0;
  std::size_t held = 0;
  for (const std::string& stop : *stops_) {
    for (std::size_t n = std::min(stop.size() - 1, pending_.size()); n > held; --n) {
      if (std::string_view(pending_).ends_with(std::string_view(stop).substr(0, n))) {
        held = n;
        break;
      }
    }
  }
  const auto shown = std::string_view(pending_).substr(0, pending_.size() - held);
  return held + incomplete_utf8_tail(shown);
}

std::string TextStream::take(std::vector<std::string>& notes) {
  notes.clear();
  const std::size_t size = pending_.size() - held_back();
  std::size_t taken = 0;
  for (Note& note : notes_) {
    if (note.end > size) break;
    notes.push_back(std::move(note.text));
    ++taken;
  }
  notes_.erase(notes_.begin(), notes_.begin() + std::ptrdiff_t(taken));
  for (Note& note : notes_) {
    note.begin -= std::min(note.begin, size);
    note.end -= size;
  }
  std::string text = replace_invalid_utf8(std::string_view(pending_).substr(0, size));
  pending_.erase(0, size);
  return text;
}

}  // namespace serval::llm
