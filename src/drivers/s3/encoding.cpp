#include "drivers/s3/encoding.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <new>

namespace eventcollect::s3 {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_hex(std::uint8_t byte, const char* digits, std::string& out) {
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slashes) {
  std::string encoded;
  encoded.reserve(3 * text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slashes && c == '/')) {
      encoded += c;
    } else {
      encoded += '%';
      append_hex(static_cast<std::uint8_t>(c), "0123456789ABCDEF", encoded);
    }
  }
  return encoded;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool has_digits = text[i] == '%' && i + 2 < text.size();
    const int high = has_digits ? hex_value(text[i + 1]) : -1;
    const int low = has_digits ? hex_value(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded += static_cast<char>(16 * high + low);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string encode(const Query& query) {
  std::string encoded;
  for (const auto& [name, value] : query) {
    if (!encoded.empty()) encoded += '&';
    encoded += name;
    encoded += '=';
    encoded += percent_encode(value);
  }
  return encoded;
}

std::string sha256(std::string_view bytes) {
  std::array<std::uint8_t, 32> hash{};
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc{};
  }
  std::string text;
  text.reserve(2 * hash.size());
  for (const std::uint8_t byte : hash) append_hex(byte, "0123456789abcdef", text);
  return text;
}

}  // namespace eventcollect::s3
