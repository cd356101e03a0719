#include "elf_file.h"

#include <cstring>
#include <filesystem>
#include <elf.h>
#include <fstream>
#include <utility>

namespace serval::check {
namespace {

// The bytes of the file; every read is checked against their end.
class Bytes {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  bool get(uint64_t at, T& out) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) return false;
    std::memcpy(&out, bytes_.data() + at, sizeof(T));
    return true;
  }
  // The NUL-terminated text at `at`; "" when it runs over the end.
  std::string text(uint64_t at) const {
    if (at >= bytes_.size()) return {};
    const std::size_t end = bytes_.find('\0', at);
    return end == std::string::npos ? std::string() : bytes_.substr(at, end - at);
  }

 private:
  std::string bytes_;
};

sdk::Error bad(const std::string& path, const std::string& what) {
  return sdk::invalid(path + ": " + what);
}

void read_exports(const Bytes& in, const Elf64_Shdr& symbols, const Elf64_Shdr& names,
                  ElfFile& out) {
  for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.sh_size; at += sizeof(Elf64_Sym)) {
    Elf64_Sym s;
    if (!in.get(symbols.sh_offset + at, s)) return;
    const unsigned bind = ELF64_ST_BIND(s.st_info), visible = ELF64_ST_VISIBILITY(s.st_other);
    if (s.st_shndx == SHN_UNDEF || bind == STB_LOCAL) continue;
    if (visible == STV_HIDDEN || visible == STV_INTERNAL) continue;
    out.exports.push_back(in.text(names.sh_offset + s.st_name));
  }
}

void read_notes(const Bytes& in, uint64_t at, uint64_t size, ElfFile& out) {
  const uint64_t end = at + size;
  while (at < end) {
    Elf64_Nhdr h;
    if (!in.get(at, h)) return;
    const uint64_t name = at + sizeof(h), description = name + (uint64_t{h.n_namesz} + 3) / 4 * 4;
    serval_note note;
    if (in.text(name) == "Serval" && h.n_type == SERVAL_NOTE_TYPE && h.n_descsz >= sizeof(note) &&
        in.get(description, note))
      out.notes.push_back(note);
    at = description + (uint64_t{h.n_descsz} + 3) / 4 * 4;
  }
}

}  // namespace

sdk::Result<ElfFile> read_elf(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return bad(path, "not a file");
  std::string bytes(std::filesystem::file_size(path, error), '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), std::streamsize(bytes.size()))) return bad(path, "cannot be read");
  const Bytes in{std::move(bytes)};
  Elf64_Ehdr header;
  if (!in.get(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return bad(path, "not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return bad(path, "not a 64-bit little-endian ELF file");
  if (header.e_type != ET_DYN) return bad(path, "not a shared object");

  ElfFile out;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section, names;
    if (!in.get(header.e_shoff + i * sizeof(section), section))
      return bad(path, "the section table runs over the end");
    if (section.sh_type == SHT_DYNSYM &&
        in.get(header.e_shoff + uint64_t{section.sh_link} * sizeof(names), names))
      read_exports(in, section, names, out);
  }
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!in.get(header.e_phoff + i * sizeof(segment), segment))
      return bad(path, "the program headers run over the end");
    if (segment.p_type == PT_NOTE) read_notes(in, segment.p_offset, segment.p_filesz, out);
  }
  return out;
}

}  // namespace serval::check
