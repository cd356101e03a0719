#include "host/net/router.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

Router sample() {
  Router router;
  const Handler none = [](HttpRequest) -> Handled { return HttpResponse{}; };
  router.add({"GET", "/models", kScopeNone, none, 0});
  router.add({"GET", "/models/{...}", kScopeNone, none, 0});
  router.add({"POST", "/models/{}/load", kScopeNone, none, 0});
  return router;
}

TEST(Router, FindsByMethodAndPattern) {
  const Router router = sample();
  EXPECT_EQ(router.find("GET", "/models").route->path, "/models");
  EXPECT_EQ(router.find("HEAD", "/models").route->path, "/models");
  EXPECT_EQ(router.find("GET", "/models/a%2Fb/c").tail, "a/b/c");
  const Router::Match load = router.find("POST", "/models/a%20b/load");
  ASSERT_NE(load.route, nullptr);
  EXPECT_EQ(load.tail, "a b");
}

TEST(Router, SaysWhatIsAllowed) {
  const Router router = sample();
  const Router::Match wrong = router.find("POST", "/models");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.allow, "GET, HEAD, OPTIONS");
  for (const char* path : {"/", "/model", "/models/", "/modelsx", "/models/%zz", "/models/%00"}) {
    const Router::Match none = router.find("GET", path);
    EXPECT_EQ(none.route, nullptr) << path;
    EXPECT_EQ(none.allow, "") << path;
  }
  EXPECT_EQ(router.find("POST", "/models/a/b/load").route, nullptr);
}

TEST(Router, LongestPrefixFormsTheError) {
  Router router;
  const auto form = [](const char* text) {
    return [text](int status, const Error&) {
      HttpResponse response;
      response.status = status;
      response.body = text;
      return response;
    };
  };
  router.set_error_form("", form("any"));
  router.set_error_form("/v1", form("v1"));
  EXPECT_EQ(router.error("/v1/x", 404, invalid("x")).body, "v1");
  EXPECT_EQ(router.error("/x", 404, invalid("x")).body, "any");
  EXPECT_EQ(Router().error("/", 400, invalid("\"")).body, R"({"error":"\""})");
}

TEST(Router, PercentDecoding) {
  EXPECT_EQ(percent_decode("a%41%c3%A4"), "aA\xc3\xa4");
  for (const char* bad : {"%", "%4", "%4g", "%00"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

}  // namespace
}  // namespace serval::host
