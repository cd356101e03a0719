// Each bad plugin is caught by the case that is there for its fault, and for the right reason; the
// same foundation without a fault passes all cases.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <sys/wait.h>

#include "serval/sdk/json.hpp"

namespace {

struct Fault {
  const char* plugin;   // a file of bad_plugins/
  const char* name;     // the case that must catch it
  const char* reason;   // words of the finding
  const char* op = "";  // of the stand-in for speech, whose request file the kit is given
  bool measures_memory = false;
};

constexpr const char* kStream = "transcribe_stream";
constexpr const char* kUpload = "transcribe_upload";

void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.plugin << " by " << fault.name << " " << fault.op;
}

struct Finding {
  int exit_code = -1;
  std::string verdict;
  std::string text;
};

// The thread sanitizer of GCC 12 hangs while it finds the names of functions for a crash in a
// plugin.
#if defined(__SANITIZE_THREAD__)
#define SANITIZER_OPTIONS "TSAN_OPTIONS=symbolize=0 "
#else
#define SANITIZER_OPTIONS ""
#endif

Finding run_case(const Fault& fault) {
  const std::string op = fault.op;
  const std::string command =
      std::string("cd " SERVAL_SOURCE_DIRECTORY " && " SANITIZER_OPTIONS SERVAL_CHECK_BINARY
                  " " SERVAL_FAKES_DIRECTORY "/") +
      fault.plugin + ".so --timeout 12 --json - --filter '^" + fault.name + "$'" +
      (op.empty() ? "" : " --request tests/fakes/speech/" + op + ".json") + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string out;
  std::array<char, 4096> buffer;
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  Finding finding;
  finding.exit_code = WEXITSTATUS(pclose(pipe));
  const auto json = serval::sdk::Json::parse(out);
  if (!json || json->find("cases") == nullptr || json->find("cases")->items().size() != 1)
    return finding;
  const serval::sdk::Json& outcome = json->find("cases")->items()[0];
  finding.verdict = outcome.find("verdict")->text();
  finding.text = outcome.find("text")->text();
  return finding;
}

class BadPlugin : public testing::TestWithParam<Fault> {};

TEST_P(BadPlugin, IsCaughtByItsCase) {
  const Finding finding = run_case(GetParam());
  if (finding.verdict == "skipped" && GetParam().measures_memory)
    GTEST_SKIP() << "memory is not measured: " << finding.text;
  EXPECT_EQ(finding.exit_code, 1) << finding.text;
  EXPECT_NE(finding.verdict, "passed");
  EXPECT_NE(finding.text.find(GetParam().reason), std::string::npos)
      << "want: " << GetParam().reason << "\ngot: " << finding.text;
}

// A crash is reported by the signal's name, or by the sanitizer's exit code where one is built in.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CRASH(signal) "the process ended with exit code"
#else
#define CRASH(signal) "crashed with " signal
#endif

INSTANTIATE_TEST_SUITE_P(
    Fakes, BadPlugin,
    testing::Values(
        Fault{"extra_symbol", "load.one_symbol", "other symbols are exported"},
        Fault{"note_differs", "load.note_matches_entry", "the note's id"},
        Fault{"wrong_major", "load.entry", "ABI major 2"},
        Fault{"wrong_table_size", "load.tables", "table's size is 8"},
        Fault{"crashes_in_create", "load.tables", CRASH("SIGSEGV")},
        Fault{"throws_in_create", "load.tables", "exception: nobody catches this"},
        Fault{"lax_extension_id", "load.extension_id_exact", "is not NULL"},
        Fault{"bad_schema", "load.schema", "patternProperties"},
        Fault{"reads_past_host_table", "load.short_host_table", CRASH("SIGSEGV")},
        Fault{"stays_mapped", "load.unmapped", "still mapped"},
        Fault{"ignores_load_cancel", "lifecycle.open_cancelled", "model_open returned OK"},
        Fault{"pulls_after_quiesce", "lifecycle.no_pull_after_quiesce", "no_pull_after_quiesce"},
        Fault{"leaves_thread", "lifecycle.close_joins_threads", "1 threads live on"},
        Fault{"slow_health", "lifecycle.health_quick", "half of the calls"},
        Fault{"uses_more_than_probed", "resources.probe_bounds_use", "the probe said", "", true},
        Fault{"uses_more_than_probed", "resources.memory_flat", "MiB behind", "", true},
        Fault{"leaks_files", "resources.files_flat", "10 more files"},
        Fault{"polls", "resources.idle_sleeps", "called pull"},
        Fault{"aborts_on_empty_input", "requests.empty_input", "crashed with SIGABRT"},
        Fault{"ignores_params", "requests.invalid_params", "want INVALID_ARGUMENT"},
        Fault{"ignores_params", "requests.unknown_param", "unknown parameter"},
        Fault{"answers_differently", "requests.deterministic_in_batch", "another answer"},
        Fault{"leaks_request", "contract.finishes_all", "in vain"},
        Fault{"finishes_twice", "contract.finish_once", "finished twice"},
        Fault{"emits_after_finish", "contract.no_emit_after_finish", "emit after finish"},
        Fault{"splits_utf8", "contract.utf8_whole", "ends inside a character"},
        Fault{"never_beats", "contract.beats", "never called"},
        Fault{"writes_host_table", "contract.host_table_untouched", CRASH("SIGSEGV")},
        Fault{"hangs_on_cancel", "cancel.at_event", "in vain"},
        Fault{"cancels_with_wrong_code", "cancel.at_event", "ended with OK"},
        Fault{"drops_refused_text", "flow.one_event_at_a_time", "got other bytes"},
        Fault{"blocks_on_slow_reader", "flow.no_credit_for_a_while", "in vain"},
        Fault{"input_misses_signal", "input.arrives_in_pieces", "in vain", kStream},
        Fault{"input_misses_signal", "input.arrives_in_pieces", "in vain", kUpload},
        Fault{"input_left_unread", "input.arrives_in_pieces", "not read to its end", kStream},
        Fault{"input_taken_as_whole", "input.upload_in_pieces_is_the_same", "another answer",
              kUpload},
        Fault{"input_never_ends", "input.ends_before_it_begins", "in vain", kStream},
        Fault{"input_never_ends", "input.ends_before_it_begins", "in vain", kUpload},
        Fault{"input_polls", "input.waits_asleep", "without input", kStream},
        Fault{"input_polls", "input.waits_asleep", "without input", kUpload},
        Fault{"input_ends_well_when_cancelled", "input.cancelled_while_it_waits", "ended with OK",
              kStream},
        Fault{"input_ends_well_when_cancelled", "input.cancelled_while_it_waits", "ended with OK",
              kUpload}),
    [](const auto& info) {
      std::string name = std::string(info.param.plugin) + "_by_" + info.param.name;
      if (info.param.op[0] != '\0') name += std::string("_of_") + info.param.op;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(GoodPlugin, PassesAllCases) {
  const std::string command =
      SERVAL_CHECK_BINARY " " SERVAL_FAKES_DIRECTORY "/straight.so --only-failed";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
