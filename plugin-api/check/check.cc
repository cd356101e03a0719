#include "check.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "report.h"

namespace serval::check {
namespace {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);  // children must not inherit and print it again
}

int complain(const std::string& what) {
  std::fprintf(stderr, "serval check: %s\n", what.c_str());
  return 2;
}

bool write_report(const std::string& path, const std::string& text) {
  if (path == "-") return print(text), true;
  std::ofstream file(path, std::ios::binary);
  file << text;
  return bool(file.flush());
}

// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    std::string name =
        (std::filesystem::temp_directory_path(error) / "serval-check-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

sdk::Result<std::vector<Case>> choose(const std::string& filter) {
  std::vector<Case> cases = all_cases();
  if (filter.empty()) return cases;
  try {
    const std::regex wanted(filter);
    std::erase_if(cases, [&](const Case& c) {
      return !std::regex_search(c.name.begin(), c.name.end(), wanted);
    });
  } catch (const std::regex_error& e) {
    return sdk::invalid("--filter: " + std::string(e.what()));
  }
  if (cases.empty()) return sdk::invalid("--filter '" + filter + "' matches no case");
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
  const sdk::Result<Options> options = parse_options(argc, argv);
  if (!options) return complain(options.error().message);
  if (options->help) return print(usage()), 0;
  const sdk::Result<std::vector<Case>> cases = choose(options->filter);
  if (!cases) return complain(cases.error().message);
  if (options->list) {
    for (const Case& c : *cases)
      print(std::string(c.name) + "\n    " + std::string(c.claim) + "\n");
    return 0;
  }
  const sdk::Result<Requests> requests = Requests::make(options->request_files);
  if (!requests) return complain(requests.error().message);

  const TemporaryFolder cache;
  std::vector<Outcome> outcomes;
  bool bad = false;
  const bool quiet = options->json_file == "-" || options->junit_file == "-";
  for (const Case& c : *cases) {
    outcomes.push_back(run_case(c, *options, *requests, cache.path()));
    bad |= outcomes.back().bad();
    if (!quiet && (outcomes.back().bad() || !options->only_failed))
      print(text_line(outcomes.back()));
  }
  if (!quiet) print(text_summary(outcomes));
  if (!options->json_file.empty() &&
      !write_report(options->json_file, json_report(options->plugin, outcomes)))
    return complain(options->json_file + ": cannot be written");
  if (!options->junit_file.empty() &&
      !write_report(options->junit_file, junit_report(options->plugin, outcomes)))
    return complain(options->junit_file + ": cannot be written");
  return bad ? 1 : 0;
}

}  // namespace serval::check
