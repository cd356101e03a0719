// From tokens to text that may be shown: whole characters only, nothing that may still turn out to
// be a stop string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace serval::llm {

// The text of one output as it grows. Not thread-safe.
class TextStream {
 public:
  // stops: none empty; they outlive the stream.
  explicit TextStream(const std::vector<std::string>& stops) : stops_(&stops) {}

  // Adds a token's bytes with what is to be told about the token ("" for nothing).
  // True: a stop string is complete; what is before it is still to be taken, what is behind it is
  // gone.
  bool add(std::string_view bytes, std::string note);

  // Nothing will be added: what was held back is shown as well.
  void end() { ended_ = true; }

  // What may be shown now and was not taken before, invalid UTF-8 replaced by U+FFFD. notes gets
  // those of the tokens that end in it (at the end of the stream: of all that began in it).
  std::string take(std::vector<std::string>& notes);

 private:
  struct Note {
    std::size_t begin, end;  // of the token's bytes in pending_
    std::string text;
  };

  std::size_t held_back() const;

  const std::vector<std::string>* stops_;
  std::string pending_;  // bytes not taken yet
  std::vector<Note> notes_;
  bool ended_ = false;
};

}  // namespace serval::llm
