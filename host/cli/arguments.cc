#include "host/cli/arguments.h"

#include <algorithm>

#include "common/nearest_word.h"

namespace serval::host {

Result<Arguments> Arguments::parse(std::span<const std::string> words,
                                   std::span<const OptionSpec> specs) {
  Arguments parsed;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!word.starts_with("--")) return invalid("unexpected argument '" + words[i] + "'");
    const std::size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    const auto spec = std::ranges::find(specs, name, &OptionSpec::name);
    if (spec == specs.end()) {
      std::vector<std::string_view> names;
      for (const OptionSpec& one : specs) names.push_back(one.name);
      return invalid("unknown option '" + name + "'" + suggestion(name, names));
    }
    std::vector<std::string>& values = parsed.values_[name];
    if (!values.empty() && !spec->repeated) return invalid(name + " is given twice");
    if (spec->value.empty()) {
      if (equals != std::string_view::npos) return invalid(name + " takes no value");
      values.emplace_back();
    } else if (equals != std::string_view::npos) {
      values.emplace_back(word.substr(equals + 1));
    } else if (i + 1 < words.size()) {
      values.push_back(words[++i]);
    } else {
      return invalid(name + " wants a value: " + name + ' ' + std::string(spec->value));
    }
  }
  return parsed;
}

std::string Arguments::get(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? "" : at->second.front();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>{} : at->second;
}

std::string option_help(std::span<const OptionSpec> specs) {
  std::string out;
  for (const OptionSpec& spec : specs) {
    std::string line = "  " + std::string(spec.name) + ' ' + std::string(spec.value);
    line.resize(std::max<std::size_t>(line.size() + 2, 28), ' ');
    out += line + std::string(spec.help) + '\n';
  }
  return out;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  return did_you_mean(word, known, "'", "'");
}

}  // namespace serval::host
