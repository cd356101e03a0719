#include "host/security/key_file.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace serval::host {
namespace {

constexpr std::size_t kMostBytes = 8u << 20;
constexpr std::size_t kMostKeys = 10'000;  // each request compares with all of them

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlank = " \t\r";
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBlank);
    if (begin == std::string_view::npos || line[begin] == '#') return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
          c == '_' || c == '.' || c == '@'))
      return false;
  return true;
}

std::optional<KeyHash> parse_hash(std::string_view text) {
  KeyHash hash;
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const char* at = text.data() + 2 * i;
    if (*at == '-') return std::nullopt;
    const auto [end, bad] = std::from_chars(at, at + 2, hash[i], 16);
    if (bad != std::errc() || end != at + 2) return std::nullopt;
  }
  return hash;
}

// 0 if there is a word that is no scope.
uint32_t parse_scopes(std::string_view text) {
  uint32_t scopes = 0;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    if (word == "infer")
      scopes |= kScopeInfer;
    else if (word == "admin")
      scopes |= kScopeAdmin;
    else if (word == "metrics")
      scopes |= kScopeMetrics;
    else
      return 0;
    if (comma == text.size()) return scopes;
    text.remove_prefix(comma + 1);
  }
}

std::string show(std::string_view word) {
  std::string out = "\"";
  for (const char c : word.substr(0, 40)) out += uint8_t(c) < 0x20 || uint8_t(c) > 0x7e ? '?' : c;
  return out + "\"";
}

// "" if the words are a key.
std::string read_entry(const std::vector<std::string_view>& words, KeyEntry& entry) {
  if (words.size() < 4 || words.size() > 5)
    return "found " + std::to_string(words.size()) +
           " words, want: id sha256 tenant scopes [priority]";
  // A word at the hash's place may be the key itself, so it is not repeated.
  if (!is_name(words[0])) return "the id is " + show(words[0]) + ", want 1 to 64 of A-Za-z0-9._@-";
  const std::optional<KeyHash> hash = parse_hash(words[1]);
  if (!hash) return "the hash is not 64 hexadecimal digits";
  if (!is_name(words[2]))
    return "the tenant is " + show(words[2]) + ", want 1 to 64 of A-Za-z0-9._@-";
  entry.principal.scopes = parse_scopes(words[3]);
  if (entry.principal.scopes == 0)
    return "the scopes are " + show(words[3]) + ", want infer, admin, metrics with commas between";
  if (words.size() == 5) {
    const char* end = words[4].data() + words[4].size();
    const auto [at, bad] = std::from_chars(words[4].data(), end, entry.principal.priority_cap);
    if (bad != std::errc() || at != end || entry.principal.priority_cap < -1000 ||
        entry.principal.priority_cap > 1000)
      return "the priority is " + show(words[4]) + ", want an integer from -1000 to 1000";
  }
  entry.hash = *hash;
  entry.principal.key_id = words[0];
  entry.principal.tenant = words[2];
  return {};
}

std::string to_hex(const uint8_t* bytes, std::size_t count) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += kHex[bytes[i] >> 4];
    out += kHex[bytes[i] & 15];
  }
  return out;
}

}  // namespace

KeyHash hash_key(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const uint8_t*>(key.data()), key.size(), hash.data());
  return hash;
}

Result<std::vector<KeyEntry>> parse_key_file(std::string_view text, const std::string& name) {
  std::vector<KeyEntry> entries;
  std::map<std::string, int> ids;
  std::map<KeyHash, int> hashes;
  std::string errors;
  int line_number = 0, wrong = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty()) continue;
    KeyEntry entry;
    std::string why = read_entry(words, entry);
    if (why.empty()) {
      const auto [id, fresh_id] = ids.emplace(entry.principal.key_id, line_number);
      const auto [hash, fresh_hash] = hashes.emplace(entry.hash, line_number);
      if (!fresh_id) why = "the id stands in line " + std::to_string(id->second) + " already";
      if (!fresh_hash) why = "the key stands in line " + std::to_string(hash->second) + " already";
    }
    if (why.empty() && entries.size() == kMostKeys) why = "more than 10000 keys";
    if (why.empty()) {
      entries.push_back(std::move(entry));
      continue;
    }
    if (++wrong > 20) break;
    (errors += errors.empty() ? "" : "\n") += name + ":" + std::to_string(line_number) + ": " + why;
  }
  if (!errors.empty()) return invalid(std::move(errors));
  if (entries.empty()) return invalid(name + ": holds no key");
  return entries;
}

Result<std::vector<KeyEntry>> read_key_file(const std::string& path) {
  // The permissions are those of the very file that is read. Not blocking: it may be a fifo.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return error(errno == ENOENT ? Code::not_found : Code::permission_denied,
                 path + ": cannot open: " + std::strerror(errno));
  struct stat info {};
  std::string why;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    why = "not a file";
  else if (info.st_uid != 0 && info.st_uid != geteuid())
    why = "belongs to another user (uid " + std::to_string(info.st_uid) + ")";
  else if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    why = "others can read or change it; chmod 600 (or 640) it";
  else if (info.st_size > off_t(kMostBytes))
    why = "has more than 8 MiB";
  std::string text;
  while (why.empty()) {
    char block[1 << 16];
    const ssize_t got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = std::strerror(errno);
    if (got <= 0) break;
    text.append(block, std::size_t(got));
    if (text.size() > kMostBytes) why = "has more than 8 MiB";
  }
  close(fd);
  if (!why.empty()) return error(Code::permission_denied, path + ": " + why);
  return parse_key_file(text, path);
}

Result<NewKey> make_key(const std::string& id, const std::string& tenant,
                        const std::string& scopes) {
  uint8_t bytes[32];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return error(Code::unavailable, "the system gave no random bytes");
  NewKey made;
  made.key = "sv-" + to_hex(bytes, sizeof bytes);
  OPENSSL_cleanse(bytes, sizeof bytes);
  const KeyHash hash = hash_key(made.key);
  const std::string hex = to_hex(hash.data(), hash.size());
  KeyEntry entry;
  if (std::string why = read_entry({id, hex, tenant, scopes}, entry); !why.empty())
    return invalid(std::move(why));
  made.line = id + " " + hex + " " + tenant + " " + scopes;
  return made;
}

}  // namespace serval::host
