// How S3 wants text in URLs, and hashes in headers.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace eventcollect::s3 {

// Undoes what S3 does to keys in a list (encoding-type=url), where '+' is a space. A '%'
// without two hex digits stays, and so does a key that is not encoded.
std::string decode_key(std::string_view text);

// Names are in the order in which they are signed, and of unreserved characters.
using Query = std::map<std::string, std::string>;

// "a=1&b=": empty for an empty query.
std::string encode(const Query& query);

// In lower-case hex digits.
std::string sha256(std::string_view bytes);

}  // namespace eventcollect::s3
