#include <atomic>
#include <csignal>
#include <cstdio>
#include <sys/resource.h>
#include <thread>

#include "host/cli/commands.h"
#include "host/cli/crash.h"
#include "host/cli/server_app.h"
#include "host/cli/settings.h"
#include "serval/host.h"

namespace serval::host {
namespace {

// Blocked in every thread, taken by the main thread only: nothing is interrupted by them.
sigset_t block_signals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// A connection is a file, and the soft limit often is 1024.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

uint32_t level_of(const std::string& name) {
  if (name == "debug") return SERVAL_LOG_DEBUG;
  if (name == "warn") return SERVAL_LOG_WARN;
  return name == "error" ? SERVAL_LOG_ERROR : SERVAL_LOG_INFO;
}

// True when SIGTERM or SIGINT came before `until_ns`; SIGHUPs are served meanwhile.
bool stop_signal_before(const sigset_t& signals, uint64_t until_ns, ServerApp& app) {
  while (true) {
    const uint64_t now = now_ns();
    const uint64_t left = until_ns > now ? until_ns - now : 0;
    const timespec wait{time_t(left / 1'000'000'000), long(left % 1'000'000'000)};
    const int number = sigtimedwait(&signals, nullptr, &wait);
    if (number == SIGHUP) app.reload();
    if (number == SIGTERM || number == SIGINT) return true;
    if (left == 0) return false;
  }
}

void drain(const ServerConfig& config, const sigset_t& signals, ServerApp& app) {
  const uint64_t begin = now_ns();
  app.announce_drain();
  const bool hurry = stop_signal_before(signals, begin + config.server.drain_notice_ns, app);
  app.stop_accepting();
  std::atomic<bool> done = false;
  std::thread waiter([&] {
    app.shutdown(hurry ? 0 : now_ns() + config.server.drain_timeout_ns);
    done = true;
  });
  constexpr uint64_t kStep = 20'000'000;
  while (!done)
    if (stop_signal_before(signals, now_ns() + kStep, app)) app.shutdown_now();
  waiter.join();
}

int serve(const ServerConfig& config) {
  const sigset_t signals = block_signals();
  install_crash_report();
  raise_file_limit();
  LoggerOptions options;
  options.level = level_of(config.log.level);
  options.json = config.log.format == "json";
  auto logger = std::make_shared<Logger>(options);
  Result<std::unique_ptr<ServerApp>> app = ServerApp::start(config, logger);
  if (!app) {
    const LogField reason{"reason", app.error().message};
    logger->write(SERVAL_LOG_ERROR, "the server cannot start", {&reason, 1});
    return 1;
  }
  constexpr uint64_t kHour = 3'600'000'000'000;
  while (!stop_signal_before(signals, now_ns() + kHour, **app)) continue;
  drain(config, signals, **app);
  return 0;
}

}  // namespace

int run_serve(Words words) {
  const Result<Arguments> arguments = Arguments::parse(words, config_options());
  if (!arguments) return wrong_arguments("serve", arguments.error().message);
  if (arguments->has("--help")) {
    std::printf("usage: serval serve [OPTIONS]\n\n%s", option_help(config_options()).c_str());
    return 0;
  }
  const Result<ServerConfig> config = load_settings(*arguments);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  return serve(*config);
}

}  // namespace serval::host
