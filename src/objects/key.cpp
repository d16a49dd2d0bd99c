#include "objects/key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "json/text.hpp"

namespace eventcollect::objects {
namespace {

constexpr std::size_t max_key_bytes = 900;   // S3 allows 1,024 with the prefix
constexpr std::size_t max_name_bytes = 255;  // what Linux's file systems allow

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && name.front() != '.' &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

bool is_key(std::string_view text) {
  if (text.size() > max_key_bytes || !json::check_utf8(text)) return false;
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    if (!is_name(rest.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

void check_key(std::string_view key) {
  if (!is_key(key)) throw std::invalid_argument{fmt::format("'{}' is no key of an object", key)};
}

}  // namespace eventcollect::objects
