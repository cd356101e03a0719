// Between a request of the host and the interface by which a plugin's own engine knows a client.
#pragma once

#include <string_view>
#include <vector>

#include "serval/sdk/output.hpp"

namespace serval::sdk {

// Client: the plugin's interface, with the functions below; Error: its error type, as
// sdk::Error::from takes it. What carries output differs from plugin to plugin: derive, and write
// it with request_ and output_. The thread rule is the request's.
template <class Client, class Error>
class EngineClient : public Client {
 public:
  explicit EngineClient(Request request) : request_(std::move(request)) {}

  const Request& request() const { return request_; }
  std::vector<std::string_view> inputs() const {
    std::vector<std::string_view> out(request_.inputs());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = request_.input(i);
    return out;
  }

  bool cancelled() const override { return request_.cancelled(); }
  bool blocked() const override { return output_.blocked(); }
  void flush() override { static_cast<void>(output_.flush(request_)); }
  void done(std::string_view usage_json) override { request_.finish_ok(usage_json); }
  void fail(const Error& error) override { request_.finish_error(sdk::Error::from(error)); }
  void finish_cancelled(std::string_view usage_json) override {
    request_.finish_cancelled(usage_json);
  }

 protected:
  Request request_;
  Output output_;
};

}  // namespace serval::sdk
