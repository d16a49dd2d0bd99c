#include "drivers/s3/encoding.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <new>
#include <optional>

#include "base/encoding.hpp"

namespace eventcollect::s3 {

using base::append_hex;
using base::append_percent_encoded;
using base::percent_decode;

std::string decode_key(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? percent_decode(text.substr(i, 3)) : std::nullopt;
    if (byte) i += 2;
    decoded += byte ? *byte : std::string{text[i] == '+' ? ' ' : text[i]};
  }
  return decoded;
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
