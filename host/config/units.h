// Sizes ("32MiB") and durations ("250ms") as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace serval::host {

// A whole number and a unit without space: B KiB MiB GiB TiB. nullopt: anything else, or too large.
std::optional<uint64_t> parse_size(std::string_view text);

// A whole number and a unit without space: ms s m h; nanoseconds. nullopt: anything else.
std::optional<uint64_t> parse_duration(std::string_view text);

// With the largest unit that gives a whole number: "32MiB", "1536B", "90s".
std::string format_size(uint64_t bytes);
std::string format_duration(uint64_t nanoseconds);

}  // namespace serval::host
