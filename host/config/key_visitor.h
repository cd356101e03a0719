// How a section names its keys. The same list of keys serves the reader and the documentation.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace serval::host {

// Each function names one key of the table at hand, with the field that holds its default.
class KeyVisitor {
 public:
  enum class Unit { none, bytes, time };

  virtual ~KeyVisitor() = default;

  virtual void boolean(std::string_view key, bool& field) = 0;
  virtual void text(std::string_view key, std::string& field) = 0;
  virtual void path(std::string_view key, std::string& field) = 0;                // made absolute
  virtual void texts(std::string_view key, std::vector<std::string>& field) = 0;  // or one text
  virtual void choice(std::string_view key, std::string& field,
                      std::span<const std::string_view> words) = 0;

  template <class T>
  void integer(std::string_view key, T& field, uint64_t low, uint64_t high) {
    number(key, field, low, high, Unit::none);
  }
  template <class T>
  void size(std::string_view key, T& bytes, uint64_t low, uint64_t high) {
    number(key, bytes, low, high, Unit::bytes);
  }
  // In seconds; 0 as `low` lets "0s" pass.
  void duration(std::string_view key, uint64_t& nanoseconds, uint64_t low, uint64_t high) {
    number(key, nanoseconds, low * kSecond, high * kSecond, Unit::time);
  }
  void duration(std::string_view key, std::chrono::milliseconds& field, uint64_t low,
                uint64_t high) {
    uint64_t nanoseconds = uint64_t(field.count()) * 1'000'000;
    duration(key, nanoseconds, low, high);
    field = std::chrono::milliseconds(nanoseconds / 1'000'000);
  }

 protected:
  static constexpr uint64_t kSecond = 1'000'000'000;
  virtual void number(std::string_view key, uint64_t& field, uint64_t low, uint64_t high,
                      Unit unit) = 0;

 private:
  template <class T>
  void number(std::string_view key, T& field, uint64_t low, uint64_t high, Unit unit) {
    uint64_t value = uint64_t(field);
    number(key, value, low, high, unit);
    field = T(value);
  }
};

}  // namespace serval::host
