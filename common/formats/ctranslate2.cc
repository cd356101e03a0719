#include "common/formats/ctranslate2.h"

#include <unordered_map>

#include "common/formats/byte_reader.h"
#include "common/formats/quoted_name.h"

namespace serval {
namespace {

constexpr uint32_t kVersion = 6;
constexpr std::size_t kMaxRank = 8;
// The shortest records: they bound how many a count may promise.
constexpr uint64_t kMinVariableBytes = 2 + 2 + 1 + 1 + 4;  // length, name, rank, type, bytes
constexpr uint64_t kMinAliasBytes = 2 * (2 + 2);

struct TypeInfo {
  const char* name;
  int bytes;
};
constexpr TypeInfo kTypes[] = {{"float32", 4}, {"int8", 1},    {"int16", 2},
                               {"int32", 4},   {"float16", 2}, {"bfloat16", 2}};

class Ct2Reader {
 public:
  Ct2Reader(const std::filesystem::path& path, std::span<const std::byte> file)
      : path_(path.string()), in_(file) {}

  Status header(std::string& spec, uint32_t& revision) {
    const auto version = in_.read<uint32_t>();
    if (in_.overrun()) return damaged("ends inside its header");
    if (version != kVersion)
      return error(Code::unimplemented, path_ + ": version " + std::to_string(version) +
                                            " of a CTranslate2 model, want " +
                                            std::to_string(kVersion));
    if (Status s = text("the specification's name", spec); !s) return s;
    revision = in_.read<uint32_t>();
    if (in_.overrun()) return damaged("ends inside its header");
    return {};
  }

  Status variables(std::vector<Ct2Variable>& out) {
    uint64_t count = 0;
    if (Status s = counted("variables", kMinVariableBytes, count); !s) return s;
    for (uint64_t i = 0; i < count; ++i) {
      Ct2Variable variable;
      if (Status s = this->variable(variable); !s) return s;
      if (Status s = put(std::move(variable), out); !s) return s;
    }
    return {};
  }

  Status aliases(std::vector<Ct2Variable>& out) {
    uint64_t count = 0;
    if (Status s = counted("aliases", kMinAliasBytes, count); !s) return s;
    for (uint64_t i = 0; i < count; ++i) {
      std::string alias, name;
      if (Status s = text("an alias", alias); !s) return s;
      if (Status s = text("an alias", name); !s) return s;
      const auto found = index_.find(name);
      if (found == index_.end())
        return damaged("alias " + quoted_name(alias) + " stands for " + quoted_name(name) +
                       ", which there is not");
      Ct2Variable variable = out[found->second];
      if (variable.stored_as.empty()) variable.stored_as = std::move(name);
      variable.name = std::move(alias);
      if (Status s = put(std::move(variable), out); !s) return s;
    }
    if (in_.left() > 0)
      return damaged("has " + std::to_string(in_.left()) + " bytes behind its last alias");
    return {};
  }

 private:
  Error damaged(const std::string& what) const {
    return error(Code::data_loss, path_ + ": " + what);
  }

  // A length, the bytes, of which the last is 0.
  Status text(const char* what, std::string& out) {
    const std::string_view read = in_.take_text(in_.read<uint16_t>());
    if (in_.overrun()) return damaged(std::string("ends inside ") + what);
    if (read.size() < 2 || read.find('\0') != read.size() - 1)
      return damaged(std::string(what) + " is " + quoted_name(read) +
                     ", want some characters and a zero byte");
    out = read.substr(0, read.size() - 1);
    return {};
  }

  Status counted(const char* what, uint64_t least_bytes, uint64_t& count) {
    count = in_.read<uint32_t>();
    if (in_.overrun()) return damaged(std::string("ends before the number of ") + what);
    if (count > in_.left() / least_bytes)
      return damaged("says it has " + std::to_string(count) + " " + what + ", but only " +
                     std::to_string(in_.left()) + " bytes are left");
    return {};
  }

  Status variable(Ct2Variable& out) {
    if (Status s = text("the name of a variable", out.name); !s) return s;
    const std::string which = "variable " + quoted_name(out.name);
    const auto rank = in_.read<uint8_t>();
    if (rank > kMaxRank)
      return damaged(which + " has " + std::to_string(rank) + " dimensions, want at most " +
                     std::to_string(kMaxRank));
    uint64_t elements = 1;
    bool fits = true;
    for (int i = 0; i < int(rank); ++i) {
      out.shape.push_back(in_.read<uint32_t>());
      fits = fits && !__builtin_mul_overflow(elements, out.shape.back(), &elements);
    }
    const auto type = in_.read<uint8_t>();
    const auto bytes = in_.read<uint32_t>();
    if (in_.overrun()) return damaged("ends inside " + which);
    if (type >= std::size(kTypes))
      return error(Code::unimplemented, path_ + ": " + which + " has type " + std::to_string(type) +
                                            ", which this build does not know");
    out.type = Ct2Type(type);
    uint64_t needed = 0;
    fits = fits && !__builtin_mul_overflow(elements, uint64_t(kTypes[type].bytes), &needed);
    if (!fits || needed != bytes)
      return damaged(which + " has " + std::to_string(bytes) + " bytes, its shape needs " +
                     (fits ? std::to_string(needed) : std::string("more than 64 bits can count")));
    out.bytes = in_.take(bytes);
    if (in_.overrun())
      return damaged("ends inside " + which + ", which has " + std::to_string(bytes) + " bytes");
    return {};
  }

  Status put(Ct2Variable variable, std::vector<Ct2Variable>& out) {
    if (!index_.try_emplace(variable.name, out.size()).second)
      return damaged("variable " + quoted_name(variable.name) + " occurs twice");
    out.push_back(std::move(variable));
    return {};
  }

  std::string path_;
  ByteReader in_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

const char* ct2_type_name(Ct2Type type) { return kTypes[std::size_t(type)].name; }
int ct2_type_bytes(Ct2Type type) { return kTypes[std::size_t(type)].bytes; }

Result<Ct2File> Ct2File::read(const std::filesystem::path& path, std::span<const std::byte> file) {
  Ct2Reader reader(path, file);
  Ct2File out;
  if (Status s = reader.header(out.spec_, out.revision_); !s) return s.error();
  if (Status s = reader.variables(out.variables_); !s) return s.error();
  if (Status s = reader.aliases(out.variables_); !s) return s.error();
  return out;
}

}  // namespace serval
