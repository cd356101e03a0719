#include <gtest/gtest.h>

#include "host/protocols/probes/routes.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

Got get(const Router& router, const std::string& path, const std::string& query = "") {
  HttpRequest request;
  request.method = "GET";
  request.path = path;
  request.query = query;
  return ask(router, request);
}

TEST(Probes, LiveAndReady) {
  FakeRegistry registry("m");
  Router router;
  add_probe_routes(router, {&registry, nullptr});
  EXPECT_EQ(get(router, "/livez").response.status, 200);
  EXPECT_EQ(get(router, "/readyz").response.body, "ok\n");
  EXPECT_EQ(get(router, "/readyz", "verbose").response.body, "ok\nm: ready\n");
  registry.info.state = ModelState::loading;
  registry.info.reason = "weights";
  EXPECT_EQ(get(router, "/livez").response.status, 200);
  const Got got = get(router, "/readyz", "verbose");
  EXPECT_EQ(got.response.status, 503);
  EXPECT_EQ(got.response.body, "not ready\nm: weights\nm: loading (weights)\n");
  EXPECT_EQ(get(router, "/metrics").response.status, 404);
}

TEST(Probes, MetricsComeFromThePage) {
  FakeRegistry registry("m");
  Router router;
  add_probe_routes(router, {&registry, [] { return std::string("serval_up 1\n"); }});
  const Got got = get(router, "/metrics");
  EXPECT_EQ(got.response.body, "serval_up 1\n");
  EXPECT_EQ(got.response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(router.find("GET", "/metrics").route->scope, uint32_t(kScopeMetrics));
}

}  // namespace
}  // namespace serval::host
