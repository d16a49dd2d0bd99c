// What a call threw, as text to compare with.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/error.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::test {

// What a call threw, as "kind: message".
template <typename Call>
std::string failure_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    constexpr const char* kinds[] = {"unavailable", "misconfigured", "in doubt"};
    return std::string{kinds[error.kind()]} + ": " + error.what();
  } catch (const ConfigError& error) {
    return std::string{"config: "} + error.what();
  }
  return "none";
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace eventcollect::test
