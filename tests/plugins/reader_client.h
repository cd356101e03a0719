// The reader of one request in an engine's tests: as slow as the test says, and watching that the
// request ends once.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "common/result.h"

namespace serval {

// What every request has got so far; a plugin's tests add its output.
struct ReaderOutcome {
  std::string usage;
  Error error{Code::ok, {}, {}, 0};
  bool ended = false;
  bool cancelled = false;  // set by the test: the reader has gone
  int credit = 1 << 30;    // events taken before the reader is slow
  int kept = 0;
  int most_kept = 0;
};

// Client: the interface of the plugin's engine.
template <class Client>
class ReaderClient : public Client {
 public:
  explicit ReaderClient(ReaderOutcome& outcome) : reader_(outcome) {}

  bool cancelled() const override { return reader_.cancelled; }
  bool blocked() const override { return reader_.kept > 0; }
  void flush() override {
    const int passed = std::min(reader_.kept, reader_.credit);
    reader_.kept -= passed;
    reader_.credit -= passed;
  }
  void done(std::string_view usage) override {
    ASSERT_FALSE(reader_.ended);
    ASSERT_EQ(reader_.kept, 0);
    reader_.ended = true;
    reader_.usage = usage;
  }
  void fail(const Error& error) override {
    ASSERT_FALSE(reader_.ended);
    reader_.ended = true;
    reader_.error = error;
  }
  void finish_cancelled(std::string_view usage) override {
    reader_.usage = usage;
    fail(Error{Code::cancelled, "cancelled", {}, 0});
  }

 protected:
  // An event has come.
  void take() {
    if (reader_.credit > 0)
      --reader_.credit;
    else
      reader_.most_kept = std::max(reader_.most_kept, ++reader_.kept);
  }

 private:
  ReaderOutcome& reader_;
};

}  // namespace serval
