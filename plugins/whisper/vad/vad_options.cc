#include "plugins/whisper/vad/vad_options.h"

#include <string>

namespace serval::whisper {
namespace {

template <class T>
Status in_range(const char* name, T value, T least, T most) {
  if (value >= least && value <= most) return {};
  const auto text = [](T number) {
    std::string digits = std::to_string(number);
    if (digits.find('.') != std::string::npos) digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
    return digits;
  };
  return invalid(
      std::string(name) + " is " + text(value) + ", want " + text(least) + " to " + text(most),
      name);
}

}  // namespace

Status check_vad_options(const VadOptions& o) {
  for (const Status& status : {in_range("vad_threshold", o.threshold, 0.01f, 1.0f),
                               in_range("vad_min_speech_ms", o.min_speech_ms, 0, 10000),
                               in_range("vad_min_silence_ms", o.min_silence_ms, 0, 10000),
                               in_range("vad_speech_pad_ms", o.speech_pad_ms, 0, 2000),
                               in_range("vad_max_seconds", o.max_seconds, 5.0f, 30.0f),
                               in_range("vad_max_gap_ms", o.max_gap_ms, 0, 30000)})
    if (!status) return status;
  return {};
}

}  // namespace serval::whisper
