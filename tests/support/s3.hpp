// The real S3 of tests/services.py.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "contract/store_contract.hpp"
#include "drivers/s3/client.hpp"
#include "drivers/s3/options.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/s3.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/uuid.hpp"
#include "support/services.hpp"

namespace eventcollect::test {

// Options for the service's bucket, below a prefix that nobody else has.
inline S3Options s3_options(const std::string& url) {
  S3Options options = s3::options_of(Url::parse(url));
  options.prefix += "/" + mint_uuid(system_clock().now()).to_string();
  return options;
}

// The same through another port of this machine.
inline S3Options through(S3Options options, std::uint16_t port) {
  options.endpoint.replace(options.endpoint.rfind(':') + 1, std::string::npos,
                           std::to_string(port));
  return options;
}

inline std::uint16_t port_of(const S3Options& options) {
  return static_cast<std::uint16_t>(
      std::stoul(options.endpoint.substr(options.endpoint.rfind(':') + 1)));
}

// The keys of multipart uploads below the prefix that were neither completed nor aborted.
inline std::vector<std::string> open_uploads(const S3Options& options) {
  s3::Client client{options};
  s3::Request request{.method = "GET", .query = {{"prefix", options.prefix}, {"uploads", ""}}};
  request.root = "ListMultipartUploadsResult";
  const std::string body = client.send(request).body;
  const std::string_view open = "<Key>";
  std::vector<std::string> keys;
  for (std::size_t at = body.find(open); at != std::string::npos; at = body.find(open, at + 1)) {
    const std::size_t begin = at + open.size();
    keys.push_back(body.substr(begin, body.find('<', begin) - begin));
  }
  return keys;
}

}  // namespace eventcollect::test
