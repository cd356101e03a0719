// The whole way with a real shared object: directory, library, registry, answer.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>

#include "host/models/make_registry.h"

namespace serval::host {
namespace {

namespace fs = std::filesystem;

class DropInTest : public testing::Test {
 protected:
  DropInTest() {
    std::string name = (fs::temp_directory_path() / "serval-dropin-XXXXXX").string();
    dir = mkdtemp(name.data());
    fs::copy_file(SERVAL_ECHO_PLUGIN, dir / "echo.so");
    chmod((dir / "echo.so").c_str(), 0755);
    std::ofstream(dir / "broken.so") << "\177ELF";
    chmod((dir / "broken.so").c_str(), 0755);
  }
  ~DropInTest() override { fs::remove_all(dir); }

  fs::path dir;
};

TEST_F(DropInTest, EchoAnswers) {
  PluginSetOptions plugins;
  plugins.directory = dir;
  auto set = PluginSet::load(plugins);
  ASSERT_TRUE(set.ok()) << set.error().message;
  ASSERT_EQ((*set)->infos().size(), 2u);
  EXPECT_NE((*set)->infos()[0].refusal, "");
  EXPECT_EQ((*set)->infos()[1].refusal, "");
  EXPECT_FALSE((*set)->check_config("org.serval.examples.echo", R"({"x":1})").ok());
  EXPECT_TRUE((*set)->check_config("org.serval.examples.echo", "{}").ok());
  EXPECT_EQ((*set)->check_config("nobody", "{}").error().code, Code::not_found);

  RegistryOptions options;
  options.plugins = *set;
  ModelSpec model;
  model.name = "e";
  options.models = {model};
  auto registry = make_model_registry(std::move(options));
  ASSERT_TRUE(registry.ok());
  while ((*registry)->find("e")->state != ModelState::ready) {
    ASSERT_NE((*registry)->find("e")->state, ModelState::failed) << (*registry)->find("e")->reason;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Request request;
  request.op = "echo";
  request.model = "e";
  request.params_json = R"({"repeat":2})";
  request.inputs = {"a", "bc"};
  auto call = (*registry)->submit(std::move(request));
  ASSERT_TRUE(call.ok());
  while (!(*call)->finish()) std::this_thread::yield();
  EXPECT_EQ((*call)->finish()->error.code, Code::ok) << (*call)->finish()->error.message;
  std::string text;
  while (auto event = (*call)->pop()) text += event->data;
  EXPECT_EQ(text, "abcabc");

  Request wrong;
  wrong.op = "echo";
  wrong.model = "e";
  wrong.params_json = R"({"colour":1})";
  call = (*registry)->submit(std::move(wrong));
  while (!(*call)->finish()) std::this_thread::yield();
  EXPECT_EQ((*call)->finish()->error.code, Code::invalid_argument);
  EXPECT_EQ((*call)->finish()->error.param, "colour");
}

}  // namespace
}  // namespace serval::host
