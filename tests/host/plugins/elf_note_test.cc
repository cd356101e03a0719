#include "host/plugins/elf_note.h"

#include <gtest/gtest.h>
#include <random>

#include "elf_image.h"
#include "host/plugins/cpu_features.h"
#include "host/plugins/plugin_file.h"

namespace serval::host {
namespace {

std::string why(const std::vector<std::byte>& file) {
  const auto note = read_plugin_note(file);
  return note ? "" : note.error().message;
}

bool says(const std::vector<std::byte>& file, const std::string& part) {
  const std::string message = why(file);
  return !message.empty() && message.find(part) != std::string::npos;
}

TEST(ElfNote, ReadsANote) {
  ElfImage image;
  std::strcpy(image.body.cpu, "avx2,fma");
  image.body.min_host_minor = 3;
  const auto note = read_plugin_note(image.bytes());
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(note->id, "org.test.made");
  EXPECT_EQ(note->version, "1.2.3");
  EXPECT_EQ(note->cpu, "avx2,fma");
  EXPECT_EQ(note->min_host_minor, 3);
}

TEST(ElfNote, ReadsARealPlugin) {
  const auto file = read_plugin_file(SERVAL_ECHO_PLUGIN);
  ASSERT_TRUE(file.ok());
  const auto note = read_plugin_note(*file);
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(note->id, "org.serval.examples.echo");
  EXPECT_EQ(note->abi_major, SERVAL_ABI_MAJOR);
}

TEST(ElfNote, NotesOfOtherAlignmentAreSteppedOver) {
  const auto note = read_plugin_note(ElfImage().bytes_with_property());
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(note->id, "org.test.made");
}

TEST(ElfNote, SaysWhatIsWrong) {
  EXPECT_TRUE(says({}, "not an ELF file"));
  ElfImage image;
  image.header.e_machine = EM_RISCV;
  EXPECT_TRUE(says(image.bytes(), "RISC-V"));
  image = {};
  image.header.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_TRUE(says(image.bytes(), "64-bit"));
  image = {};
  image.header.e_type = ET_EXEC;
  EXPECT_TRUE(says(image.bytes(), "shared object"));
  image = {};
  image.header.e_phoff = UINT64_MAX - 8;
  EXPECT_TRUE(says(image.bytes(), "program headers"));
  image = {};
  image.segment.p_offset = UINT64_MAX;
  EXPECT_TRUE(says(image.bytes(), "a segment ends behind the file"));
  image = {};
  image.segment.p_type = PT_LOAD;
  EXPECT_TRUE(says(image.bytes(), "no Serval note"));
  image = {};
  image.note.n_descsz = UINT32_MAX;
  EXPECT_TRUE(says(image.bytes(), "a note ends behind its segment"));
  image = {};
  image.note.n_namesz = UINT32_MAX;
  EXPECT_TRUE(says(image.bytes(), "a note ends behind its segment"));
  image = {};
  image.body.magic = 1;
  EXPECT_TRUE(says(image.bytes(), "cut or wrong"));
  image = {};
  std::memset(image.body.id, 'x', sizeof image.body.id);
  EXPECT_TRUE(says(image.bytes(), "no end"));
  image = {};
  std::strcpy(image.body.id, "a/b");
  EXPECT_TRUE(says(image.bytes(), "forbidden"));
  image = {};
  image.body.id[0] = 0;
  EXPECT_TRUE(says(image.bytes(), "forbidden"));
}

TEST(ElfNote, EveryTruncationIsRefused) {
  const auto whole = ElfImage().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own, so that the sanitizer sees a read behind the end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + std::ptrdiff_t(size));
    EXPECT_FALSE(read_plugin_note(cut).ok()) << size;
  }
}

TEST(ElfNote, RandomDamageNeverReadsOutside) {
  std::mt19937_64 random(7);
  const auto small = ElfImage().bytes();
  const auto real = *read_plugin_file(SERVAL_ECHO_PLUGIN);
  int accepted = 0, refused = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::vector<std::byte> file = small;
    if (i % 500 == 0) file = real;
    const std::size_t area = std::min<std::size_t>(file.size(), 1024);
    for (uint64_t n = 1 + random() % 4; n > 0; --n) {
      static constexpr unsigned kNasty[] = {0, 1, 0x7f, 0x80, 0xff};
      file[random() % area] =
          std::byte(random() % 2 == 0 ? kNasty[random() % 5] : unsigned(random() & 0xff));
    }
    if (random() % 8 == 0) file.resize(random() % (file.size() + 1));
    read_plugin_note(file).ok() ? ++accepted : ++refused;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, 0);
}

TEST(CheckNote, RulesNameWhatIsWanted) {
  const auto all = [](std::string_view) { return true; };
  PluginNote note;
  note.abi_major = SERVAL_ABI_MAJOR;
  EXPECT_EQ(check_note(note, all), "");
  note.abi_major = SERVAL_ABI_MAJOR + 1;
  EXPECT_NE(check_note(note, all).find("needs plugin ABI 2"), std::string::npos);
  note.abi_major = SERVAL_ABI_MAJOR;
  note.min_host_minor = SERVAL_ABI_MINOR + 1;
  EXPECT_NE(check_note(note, all).find("update Serval"), std::string::npos);
  note.min_host_minor = 0;
  note.cpu = "avx2,fma,amx-tile";
  const auto some = [](std::string_view name) { return name == "fma"; };
  EXPECT_NE(check_note(note, some).find("avx2, amx-tile"), std::string::npos);
}

TEST(CpuFeatures, NamesAreKnownAndUnknownOnesAreMissing) {
  EXPECT_FALSE(cpu_has("warp-drive"));
  EXPECT_FALSE(cpu_feature_known("warp-drive"));
  EXPECT_EQ(missing_features("warp-drive,,", cpu_has), std::vector<std::string>{"warp-drive"});
#if defined(__x86_64__)
  for (const char* name : {"avx2", "fma", "f16c", "avx512f", "avx512vnni", "avx512bf16"})
    EXPECT_TRUE(cpu_feature_known(name)) << name;
  EXPECT_EQ(cpu_has("avx2"), __builtin_cpu_supports("avx2") != 0);
#endif
}

}  // namespace
}  // namespace serval::host
