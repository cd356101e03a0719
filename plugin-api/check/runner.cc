#include "runner.h"

#include <cstring>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mini_host.h"

namespace serval::check {
namespace {

// What a child writes into the pipe: failures line by line, then one of these.
constexpr char kPassed = 'P', kFailed = 'F', kSkipped = 'S';

void put(int pipe, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(pipe, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(std::size_t(n));
  }
}

// Runs the case here. Returns kPassed, kFailed or kSkipped; told: each failure, or why it is
// skipped.
char run_here(const Case& c, const Options& options, const Requests& requests,
              const std::string& cache_dir, const std::function<void(std::string_view)>& tell) {
  Context context(options, requests, cache_dir, tell);
  try {
    c.run(context);
  } catch (const Stopped&) {
  } catch (const std::exception& e) {
    context.fail(std::string("exception: ") + e.what());
  }
  if (context.failed()) return kFailed;
  if (context.skipped().empty()) return kPassed;
  tell(context.skipped());
  return kSkipped;
}

[[noreturn]] void run_child(int pipe, const Case& c, const Options& options,
                            const Requests& requests, const std::string& cache_dir) {
  const char end = run_here(c, options, requests, cache_dir,
                            [&](std::string_view text) { put(pipe, std::string(text) + "\n"); });
  put(pipe, std::string(1, '\0') + end);
  _exit(0);
}

// Reads until the child closes the pipe or the time is over. False: it is over.
bool read_all(int pipe, uint64_t until_ns, std::string& out) {
  while (true) {
    const uint64_t now = now_ns();
    if (now >= until_ns) return false;
    pollfd p{pipe, POLLIN, 0};
    if (poll(&p, 1, int((until_ns - now) / 1'000'000) + 1) <= 0) continue;
    char buffer[4096];
    const ssize_t n = read(pipe, buffer, sizeof(buffer));
    if (n <= 0) return true;
    out.append(buffer, std::size_t(n));
  }
}

Verdict verdict_of(char end) {
  return end == kPassed ? Verdict::passed : end == kSkipped ? Verdict::skipped : Verdict::failed;
}

void run_forked(const Case& c, const Options& options, const Requests& requests,
                const std::string& cache_dir, Outcome& out) {
  int ends[2];
  if (pipe(ends) != 0) {
    out.verdict = Verdict::failed;
    out.text = std::string("pipe: ") + std::strerror(errno);
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    ::close(ends[0]);
    run_child(ends[1], c, options, requests, cache_dir);
  }
  ::close(ends[1]);
  const uint64_t until = now_ns() + uint64_t{options.timeout_s} * 1'000'000'000;
  const bool in_time = child > 0 && read_all(ends[0], until, out.text);
  ::close(ends[0]);
  if (!in_time && child > 0) kill(child, SIGKILL);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);

  const std::size_t n = out.text.size();
  if (n >= 2 && out.text[n - 2] == '\0') {
    out.verdict = verdict_of(out.text[n - 1]);
    out.text.resize(n - 2);
  } else if (!in_time) {
    out.verdict = Verdict::timed_out;
    out.text += "not done after " + std::to_string(options.timeout_s) + " s\n";
  } else {
    out.verdict = Verdict::crashed;
    out.text +=
        WIFSIGNALED(status)
            ? "crashed with SIG" + std::string(sigabbrev_np(WTERMSIG(status))) + "\n"
            : "the process ended with exit code " + std::to_string(WEXITSTATUS(status)) + "\n";
  }
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::crashed:
      return "crashed";
    case Verdict::timed_out:
      return "timed out";
    case Verdict::skipped:
      return "skipped";
  }
  return "";
}

Outcome run_case(const Case& c, const Options& options, const Requests& requests,
                 const std::string& cache_dir) {
  Outcome out{std::string(c.name), std::string(c.claim), Verdict::passed, {}, 0};
  const uint64_t start = now_ns();
  if (options.in_process)
    out.verdict = verdict_of(run_here(c, options, requests, cache_dir,
                                      [&](std::string_view text) { (out.text += text) += '\n'; }));
  else
    run_forked(c, options, requests, cache_dir, out);
  out.seconds = double(now_ns() - start) / 1e9;
  if (!out.text.empty() && out.text.back() == '\n') out.text.pop_back();
  return out;
}

}  // namespace serval::check
