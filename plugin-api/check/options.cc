#include "options.h"

#include <charconv>

#include "serval/sdk/json.hpp"

namespace serval::check {

std::string_view usage() {
  return "usage: serval check PLUGIN.so [options]\n"
         "Checks that a plugin keeps the rules of the ABI, each case in a process of its own.\n"
         "\n"
         "  --model PATH       file or folder of a model the plugin can open\n"
         "  --config JSON      the model's configuration (default: {})\n"
         "  --request FILE     a valid request in JSON, for ops the kit does not know; may be "
         "repeated:\n"
         "                     {\"op\": \"...\", \"params\": {...}, \"inputs\": [\"text\", "
         "{\"file\": "
         "\"PATH\"}]}\n"
         "  --filter REGEX     only cases whose names match\n"
         "  --timeout SECONDS  most for one case (default: 120)\n"
         "  --in-process       no child processes, for a debugger\n"
         "  --only-failed      print failed cases only\n"
         "  --json FILE        report as JSON; - is standard output\n"
         "  --junit FILE       report as JUnit XML\n"
         "  --list             print the cases and what they check, run none\n"
         "  --help             this text\n";
}

sdk::Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto text = [&](std::string& out) -> sdk::Status {
      if (i + 1 == argc) return sdk::invalid(std::string(arg) + " wants a value");
      out = argv[++i];
      return {};
    };
    sdk::Status ok;
    if (arg == "--model")
      ok = text(options.model);
    else if (arg == "--config")
      ok = text(options.config);
    else if (arg == "--filter")
      ok = text(options.filter);
    else if (arg == "--json")
      ok = text(options.json_file);
    else if (arg == "--junit")
      ok = text(options.junit_file);
    else if (arg == "--request")
      ok = text(options.request_files.emplace_back());
    else if (arg == "--in-process")
      options.in_process = true;
    else if (arg == "--only-failed")
      options.only_failed = true;
    else if (arg == "--list")
      options.list = true;
    else if (arg == "--help" || arg == "-h")
      options.help = true;
    else if (arg == "--timeout") {
      std::string seconds;
      ok = text(seconds);
      const char* end = seconds.data() + seconds.size();
      if (ok.ok() && (std::from_chars(seconds.data(), end, options.timeout_s).ptr != end ||
                      options.timeout_s < 1 || options.timeout_s > 86400))
        ok = sdk::invalid("--timeout wants 1 to 86400 seconds");
    } else if (arg.starts_with("-")) {
      ok = sdk::invalid("unknown option " + std::string(arg));
    } else if (!options.plugin.empty()) {
      ok = sdk::invalid("one plugin at a time: " + std::string(arg));
    } else {
      options.plugin = arg;
    }
    if (!ok.ok()) return ok.error();
  }
  if (options.help || options.list) return options;
  if (options.plugin.empty()) return sdk::invalid("which plugin? See --help");
  const sdk::Result<sdk::Json> config = sdk::Json::parse(options.config);
  if (!config) return sdk::invalid("--config is " + config.error().message);
  if (config->object() == nullptr) return sdk::invalid("--config is not a JSON object");
  return options;
}

}  // namespace serval::check
