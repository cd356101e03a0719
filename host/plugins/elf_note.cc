#include "host/plugins/elf_note.h"

#include <cstring>
#include <elf.h>
#include <optional>
#include <string_view>

#include "serval/plugin.h"

namespace serval::host {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "unknown machine"
#endif

using Bytes = std::span<const std::byte>;

Error damaged(std::string what) {
  return error(Code::data_loss,
               "damaged file: " + std::move(what) + "; build or copy the plugin again");
}

// The bytes [offset, offset + size) of the file, if it has them.
std::optional<Bytes> range(Bytes file, uint64_t offset, uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

template <class T>
std::optional<T> read_at(Bytes file, uint64_t offset) {
  const auto bytes = range(file, offset, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

std::string_view machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "x86";
    case EM_ARM:
      return "ARM";
    case EM_RISCV:
      return "RISC-V";
  }
  return "unknown";
}

Status check_header(Bytes file, const Elf64_Ehdr& header) {
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return error(Code::failed_precondition,
                 "not a 64-bit little-endian ELF file; build the plugin for this machine");
  if (header.e_machine != kMachine)
    return error(Code::failed_precondition,
                 "built for machine " + std::string(machine_name(header.e_machine)) + " (" +
                     std::to_string(header.e_machine) + "), this is " +
                     std::string(machine_name(kMachine)) + "; build the plugin for this machine");
  if (header.e_ident[EI_VERSION] != EV_CURRENT || header.e_type != ET_DYN)
    return error(Code::failed_precondition,
                 "an ELF file but not a shared object; link the plugin with -shared");
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return damaged("wrong size of program headers");
  if (!range(file, header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)))
    return damaged("ends inside its program headers");
  return {};
}

// A fixed field of the note; it must hold a NUL.
std::optional<std::string> text(const char* field, std::size_t size) {
  const void* end = std::memchr(field, 0, size);
  if (end == nullptr) return std::nullopt;
  return std::string(field, static_cast<const char*>(end));
}

bool only(std::string_view text, std::string_view extra) {
  for (const char c : text) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && extra.find(c) == std::string_view::npos) return false;
  }
  return true;
}

Result<PluginNote> decode(Bytes descriptor) {
  const auto raw = read_at<serval_note>(descriptor, 0);
  if (!raw || raw->magic != SERVAL_MAGIC) return damaged("the Serval note is cut or wrong");
  auto id = text(raw->id, sizeof raw->id);
  auto version = text(raw->version, sizeof raw->version);
  auto cpu = text(raw->cpu, sizeof raw->cpu);
  if (!id || !version || !cpu) return damaged("a text of the Serval note has no end");
  // They end up in logs, metric labels and file names.
  if (id->empty() || !only(*id, "._-")) return damaged("the plugin id has forbidden characters");
  if (!only(*version, "._-+~")) return damaged("the plugin version has forbidden characters");
  if (!only(*cpu, "._-,")) return damaged("the CPU feature list has forbidden characters");
  return PluginNote{raw->abi_major, raw->abi_minor,      raw->min_host_minor,
                    std::move(*id), std::move(*version), std::move(*cpu)};
}

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

// Walks one note segment, in which descriptors and notes begin at multiples of the alignment
// counted from its start (glibc's ELF_NOTE_DESC_OFFSET, ELF_NOTE_NEXT_OFFSET), and puts the Serval
// note's descriptor into `found`.
Status walk_notes(Bytes notes, uint64_t alignment, std::optional<Bytes>& found) {
  static constexpr std::string_view kOwner{"Serval\0", 7};
  for (uint64_t at = 0; notes.size() - at >= sizeof(Elf64_Nhdr);) {
    const auto header = read_at<Elf64_Nhdr>(notes, at);
    const uint64_t name_at = at + sizeof(Elf64_Nhdr);
    const uint64_t data_at = align_up(name_at + header->n_namesz, alignment);
    const auto name = range(notes, name_at, header->n_namesz);
    const auto data = range(notes, data_at, header->n_descsz);
    if (!name || !data) return damaged("a note ends behind its segment");
    const std::string_view owner{reinterpret_cast<const char*>(name->data()), name->size()};
    if (owner == kOwner && header->n_type == SERVAL_NOTE_TYPE) {
      if (found) return damaged("two Serval notes");
      found = *data;
    }
    at = align_up(data_at + header->n_descsz, alignment);
    if (at > notes.size()) break;  // the last note's padding may be missing
  }
  return {};
}

}  // namespace

Result<PluginNote> read_plugin_note(Bytes file) {
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
    return error(Code::failed_precondition, "not an ELF file; only shared objects are plugins");
  const auto header = read_at<Elf64_Ehdr>(file, 0);
  if (!header) return damaged("ends inside the ELF header");
  if (Status status = check_header(file, *header); !status) return status.error();

  std::optional<Bytes> note;
  for (uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(file, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (segment->p_type != PT_LOAD && segment->p_type != PT_NOTE) continue;
    // A loader that maps a cut file dies of SIGBUS at the missing page, so this is checked here.
    const auto bytes = range(file, segment->p_offset, segment->p_filesz);
    if (!bytes) return damaged("a segment ends behind the file");
    if (segment->p_type == PT_LOAD) continue;
    const uint64_t alignment = segment->p_align == 8 ? 8 : 4;
    if (Status status = walk_notes(*bytes, alignment, note); !status) return status.error();
  }
  if (!note)
    return error(Code::failed_precondition,
                 "no Serval note: not a Serval plugin, or built without SERVAL_PLUGIN_NOTE");
  return decode(*note);
}

}  // namespace serval::host
