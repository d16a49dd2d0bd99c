// The names in a file sink's directory.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace eventcollect::file {

inline constexpr std::string_view current_file_name = "current.ndjson";
inline constexpr std::string_view cursor_suffix = ".cursor";

// The number at the beginning of the name of a sealed file or of its torn tail; 0 for other names.
inline std::uint64_t sequence_of(std::string_view name) {
  std::uint64_t sequence = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), sequence);
  const bool is_ours = parsed.ec == std::errc{} && parsed.ptr != name.data() + name.size() &&
                       *parsed.ptr == '-' && name.find(".ndjson") != std::string_view::npos;
  return is_ours ? sequence : 0;
}

inline bool is_sealed_file(std::string_view name) {
  return name.ends_with(".ndjson") && sequence_of(name) != 0;
}

}  // namespace eventcollect::file
