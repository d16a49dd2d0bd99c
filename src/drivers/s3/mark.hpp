// A name that each attempt to make an object gives it, to know it again after an answer was lost.
#pragma once

#include <cstdint>
#include <string>

#include "drivers/s3/client.hpp"

namespace eventcollect::s3 {

// A unique one.
std::string new_mark();

// The header that marks an object.
std::string mark_header(const std::string& mark);

enum class Marked : std::uint8_t { yes, no, gone };  // gone: there is no such object

// Whether the object at `key` has that mark. Throws Error.
Marked is_marked(Client& client, const std::string& key, const std::string& mark);

}  // namespace eventcollect::s3
