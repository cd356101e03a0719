// What may be shown of speech that goes on. Its end is decoded again and again and comes out
// differently each time; shown are only the words on which two successive hypotheses agree
// (LocalAgreement-2: Liu, Spanakis, Niehues 2020; Macháček, Dabre, Bojar 2023), and what was shown
// once stays: each text begins with the one before it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace serval::whisper {

// Of one piece of speech at a time.
class StablePrefix {
 public:
  // The next hypothesis, cut into words as they are written, each with the space before it;
  // punctuation may stand alone. True: there is more to show.
  bool hear(const std::vector<std::string>& words);
  // Without punctuation at its end, which the next word may change.
  const std::string& text() const { return text_; }
  // A new piece begins.
  void clear();

 private:
  std::vector<std::string> last_;   // keys of the words of the latest hypothesis
  std::vector<std::string> shown_;  // of the words in text_
  std::string text_;
};

// What makes two spellings the same word: lower case, without spaces and punctuation. "" for what
// is nothing else.
std::string word_key(std::string_view word);

}  // namespace serval::whisper
