#include "drivers/s3/encoding.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

#include "base/encoding.hpp"

namespace eventcollect::s3 {

using base::append_hex;
using base::append_percent_encoded;
using base::percent_decode;

std::string decode_key(std::string_view text) {
  std::string spaced{text};
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced).value_or(spaced);
}

std::string encode(const Query& query) {
  std::string encoded;
  for (const auto& [name, value] : query) {
    if (!encoded.empty()) encoded += '&';
    encoded += name;
    encoded += '=';
    append_percent_encoded(encoded, value);
  }
  return encoded;
}

std::string sha256(std::string_view bytes) {
  std::array<std::uint8_t, 32> hash{};
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc{};
  }
  std::string text;
  append_hex(text, {reinterpret_cast<const char*>(hash.data()), hash.size()});
  return text;
}

}  // namespace eventcollect::s3
