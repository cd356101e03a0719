// Makes the smallest ELF files that hold a Serval note, and spoils them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <string>
#include <vector>

#include "serval/plugin.h"

namespace serval::host {

struct ElfImage {
  Elf64_Ehdr header{};
  Elf64_Phdr segment{};
  Elf64_Nhdr note{};
  char owner[8] = "Serval";
  serval_note body{};

  ElfImage() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
#if defined(__x86_64__)
    header.e_machine = EM_X86_64;
#else
    header.e_machine = EM_AARCH64;
#endif
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof segment;
    header.e_phnum = 1;
    segment.p_type = PT_NOTE;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = sizeof note + sizeof owner + sizeof body;
    segment.p_align = 4;
    note.n_namesz = 7;
    note.n_descsz = sizeof body;
    note.n_type = SERVAL_NOTE_TYPE;
    body.magic = SERVAL_MAGIC;
    body.abi_major = SERVAL_ABI_MAJOR;
    std::strcpy(body.id, "org.test.made");
    std::strcpy(body.version, "1.2.3");
  }

  std::vector<std::byte> bytes() const { return joined(header, segment, note, owner, body); }

  // With the note that compilers add for control-flow protection in front: 8-aligned, with the
  // descriptor right behind the 16 bytes of its head and name.
  std::vector<std::byte> bytes_with_property() const {
    const struct {
      Elf64_Nhdr note = {4, 16, NT_GNU_PROPERTY_TYPE_0};
      char owner[4] = "GNU";
      uint64_t data[2] = {0x4c0000002, 3};
    } property;
    Elf64_Ehdr two = header;
    two.e_phnum = 2;
    Elf64_Phdr first = segment, second = segment;
    first.p_offset = sizeof two + 2 * sizeof segment;
    first.p_filesz = sizeof property;
    first.p_align = 8;
    second.p_offset = first.p_offset + sizeof property;
    return joined(two, first, second, property, note, owner, body);
  }

 private:
  template <class... Part>
  static std::vector<std::byte> joined(const Part&... parts) {
    std::vector<std::byte> all;
    const auto put = [&](const void* data, std::size_t size) {
      const auto* const from = static_cast<const std::byte*>(data);
      all.insert(all.end(), from, from + size);
    };
    (put(&parts, sizeof parts), ...);
    return all;
  }
};

}  // namespace serval::host
