// How S3 wants text in URLs, and hashes in headers.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace eventcollect::s3 {

// Everything but RFC 3986's unreserved characters as %XX; '/' too, unless it is kept.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

// Undoes what S3 does to keys in a list (encoding-type=url), where '+' is a space. A '%' that two
// hex digits do not follow stays.
std::string percent_decode(std::string_view text);

// Names are in the order in which they are signed, and of unreserved characters.
using Query = std::map<std::string, std::string>;

// "a=1&b=": empty for an empty query.
std::string encode(const Query& query);

// In lower-case hex digits.
std::string sha256(std::string_view bytes);

}  // namespace eventcollect::s3
