// Events of one request on their way to a reader that may be slow.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "serval/sdk/request.hpp"

namespace serval::sdk {

// Emits in order and keeps what the reader has no room for. One for each request; same thread rule.
// Nothing bounds what is kept: stop producing while blocked().
class Output {
 public:
  // text: UTF-8, never cut inside a character. last: output `index` is complete with it.
  void text(Request& request, uint32_t index, std::string_view text,
            std::string_view meta_json = {}, bool last = false) {
    emit(request, SERVAL_EVENT_TEXT, index, last ? SERVAL_EVENT_FLAG_LAST : 0, text, meta_json);
  }

  // kind: SERVAL_EVENT_*; flags: SERVAL_EVENT_FLAG_*.
  void emit(Request& request, uint32_t kind, uint32_t index, uint32_t flags, std::string_view data,
            std::string_view meta_json = {}) {
    if (flush(request) == Emit::full ||
        offer(request, kind, index, flags, data, meta_json) == Emit::full)
      kept_.push_back({kind, index, flags, std::string(data), std::string(meta_json)});
  }

  // Emits what is kept. full: wait for writable. cancelled and invalid: the rest is thrown away.
  Emit flush(Request& request) {
    while (!kept_.empty()) {
      const Kept& k = kept_.front();
      const Emit answer = offer(request, k.kind, k.index, k.flags, k.data, k.meta_json);
      if (answer == Emit::full) return answer;
      if (answer != Emit::taken) {
        kept_.clear();
        return answer;
      }
      kept_.pop_front();
    }
    return Emit::taken;
  }

  bool blocked() const { return !kept_.empty(); }
  bool cancelled() const { return answer_ == Emit::cancelled; }   // emit said so: finish now
  bool broke_a_rule() const { return answer_ == Emit::invalid; }  // an event was refused for good

 private:
  struct Kept {
    uint32_t kind, index, flags;
    std::string data, meta_json;
  };

  Emit offer(Request& request, uint32_t kind, uint32_t index, uint32_t flags, std::string_view data,
             std::string_view meta_json) {
    const Emit answer = request.emit({sizeof(serval_event),
                                      kind,
                                      index,
                                      flags,
                                      {data.data(), data.size(), SERVAL_MEM_HOST, 0},
                                      to_abi(meta_json)});
    if (answer == Emit::cancelled || answer == Emit::invalid) answer_ = answer;
    return answer;
  }

  std::deque<Kept> kept_;
  Emit answer_ = Emit::taken;
};

}  // namespace serval::sdk
