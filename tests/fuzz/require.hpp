// Ends the program where something that must hold does not: that is how a fuzzer notices.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace eventcollect::fuzz {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// Takes the first byte off the input, to choose by.
inline unsigned take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return byte;
}

}  // namespace eventcollect::fuzz
