#include <gtest/gtest.h>

#include "common/json.h"
#include "host/protocols/admin/routes.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

struct Admin : testing::Test {
  FakeRegistry registry{"m"};
  Router router;
  bool drained = false;
  Admin() {
    AdminOptions options;
    options.registry = &registry;
    options.plugins = [] {
      PluginInfo plugin;
      plugin.path = "/p/a.so";
      plugin.id = "a";
      plugin.refusal = "wrong ABI";
      return std::vector<PluginInfo>{plugin};
    };
    options.drain = [this] { drained = true; };
    add_admin_routes(router, options);
  }
  Got request(const std::string& method, const std::string& path) {
    HttpRequest http;
    http.method = method;
    http.path = path;
    return ask(router, http);
  }
};

TEST_F(Admin, ListsModels) {
  const Got got = request("GET", "/admin/models");
  const Result<json::value> body = parse_json(got.response.body);
  ASSERT_TRUE(body);
  const json::object& model = body->at("models").at(0).as_object();
  EXPECT_EQ(model.at("name"), "m");
  EXPECT_EQ(model.at("state"), "ready");
  EXPECT_EQ(model.at("plugin").at("id"), "fake");
  EXPECT_EQ(model.at("requests").at("waiting"), 0);
}

TEST_F(Admin, LoadsAndUnloads) {
  EXPECT_EQ(request("POST", "/admin/models/m/load").response.status, 202);
  EXPECT_EQ(request("POST", "/admin/models/m/unload").response.status, 202);
  EXPECT_EQ(registry.loads, (std::vector<std::string>{"load m", "unload m"}));
  const Got got = request("POST", "/admin/models/x/load");
  EXPECT_EQ(got.response.status, 404);
  EXPECT_EQ(got.response.body, R"({"error":{"message":"no model x","code":"not_found"}})");
}

TEST_F(Admin, ListsPluginsWithTheirRefusals) {
  const Got got = request("GET", "/admin/plugins");
  const Result<json::value> body = parse_json(got.response.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->at("plugins").at(0).at("refusal"), "wrong ABI");
  EXPECT_EQ(body->at("plugins").at(0).at("accepted"), false);
}

TEST_F(Admin, Drains) {
  EXPECT_EQ(request("POST", "/admin/drain").response.status, 202);
  EXPECT_TRUE(drained);
}

TEST_F(Admin, NeedsTheAdminScopeEverywhere) {
  for (const auto& [method, path] : {std::pair{"GET", "/admin/models"},
                                     {"POST", "/admin/models/m/load"},
                                     {"POST", "/admin/models/m/unload"},
                                     {"GET", "/admin/plugins"},
                                     {"POST", "/admin/drain"}}) {
    const Router::Match match = router.find(method, path);
    ASSERT_NE(match.route, nullptr) << path;
    EXPECT_EQ(match.route->scope, uint32_t(kScopeAdmin)) << path;
  }
}

}  // namespace
}  // namespace serval::host
