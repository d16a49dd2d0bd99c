// The options of the driver, from URLs, the environment and as a struct.
#pragma once

#include <string>

#include "eventcollect/s3.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::s3 {

// What the URL says, and the environment where it says nothing. Throws ConfigError.
S3Options options_of(const Url& url);

// Throws ConfigError.
void check(const S3Options& options);

// The same with everything that was left open decided.
S3Options completed(S3Options options);

// "https://bucket.s3.eu-central-1.amazonaws.com" or "http://127.0.0.1:9000/bucket", without a '/'
// at the end. `options` are completed.
std::string address_of_bucket(const S3Options& options);

}  // namespace eventcollect::s3
