#include <algorithm>
#include <array>
#include <cstdio>

#include "host/cli/arguments.h"
#include "host/cli/commands.h"
#include "host/cli/settings.h"
#include "host/plugins/scan.h"

namespace serval::host {
namespace {

constexpr std::array<OptionSpec, 3> kOptions = {{
    {"--dir", "DIR", "the plugin directory; default: lib/serval/plugins beside bin/", false},
    {"--any-owner", "", "do not refuse files that other users may change", false},
    {"--help", "", "prints this", false},
}};

using Row = std::array<std::string, 6>;

Row row_of(const PluginInfo& info) {
  const std::string abi = std::to_string(info.abi_major) + "." + std::to_string(info.abi_minor);
  return {info.id.empty() ? "-" : info.id, info.version.empty() ? "-" : info.version,
          info.id.empty() ? "-" : abi,     info.cpu.empty() ? "any" : info.cpu,
          info.sha256.substr(0, 12),       info.path.string()};
}

void print_table(const std::vector<Row>& rows) {
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      std::printf("%-*s  ", int(widths[i]), row[i].c_str());
    std::printf("%s\n", row.back().c_str());
  }
}

}  // namespace

int run_plugins(Words words) {
  const Result<Arguments> arguments = Arguments::parse(words, kOptions);
  if (!arguments) return wrong_arguments("plugins", arguments.error().message);
  if (arguments->has("--help")) {
    std::printf("usage: serval plugins [OPTIONS]\n\n%s", option_help(kOptions).c_str());
    return 0;
  }
  const std::filesystem::path folder = arguments->has("--dir")
                                           ? std::filesystem::path(arguments->get("--dir"))
                                           : default_plugin_dir();
  ScanOptions options;
  options.check_owner = !arguments->has("--any-owner");
  const auto infos = scan_plugins(folder, options);
  if (!infos) {
    std::fprintf(stderr, "serval plugins: %s\n", infos.error().message.c_str());
    return 1;
  }
  std::vector<Row> rows = {{"ID", "VERSION", "ABI", "CPU", "SHA256", "PATH"}};
  bool refused = false;
  for (const PluginInfo& info : *infos)
    if (info.accepted())
      rows.push_back(row_of(info));
    else
      refused = true;
  print_table(rows);
  for (const PluginInfo& info : *infos)
    if (!info.accepted()) std::printf("refused %s: %s\n", info.path.c_str(), info.refusal.c_str());
  return refused ? 1 : 0;
}

}  // namespace serval::host
