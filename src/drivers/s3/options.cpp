#include "drivers/s3/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.hpp"
#include "drivers/s3/environment.hpp"
#include "objects/key.hpp"

namespace eventcollect::s3 {

using base::in_quotes;
using objects::is_key;

namespace {

// S3 allows 1,024 bytes, and a key of ours has up to 900.
constexpr std::size_t max_prefix_bytes = 120;

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

std::string first_of(std::initializer_list<const char*> variables) {
  for (const char* variable : variables) {
    std::string value = environment(variable);
    if (!value.empty()) return value;
  }
  return {};
}

std::string_view without_slashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

S3Options::Style style_of(UrlOptions& options) {
  const std::string text = options.text("style");
  if (text.empty()) return S3Options::Style::automatic;
  if (text == "path") return S3Options::Style::path;
  if (text == "virtual") return S3Options::Style::virtual_host;
  throw ConfigError{fmt::format("s3: option 'style' is path or virtual, not {}", in_quotes(text))};
}

void check_endpoint(const std::string& endpoint) {
  const std::size_t host = endpoint.find("://") + 3;
  const bool is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
  // A user or a password in it would come to light in messages.
  if (is_http && host < endpoint.size() &&
      endpoint.find_first_of("@?# \t\r\n", host) == std::string::npos) {
    return;
  }
  throw ConfigError{"s3: the endpoint is http(s)://HOST[:PORT] and nothing else"};
}

}  // namespace

S3Options options_of(const Url& url) {
  UrlOptions from_url{url};
  S3Options options;
  options.bucket = url.authority;
  options.prefix = without_slashes(url.path);
  options.endpoint =
      from_url.text("endpoint", first_of({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}));
  options.region = from_url.text("region", first_of({"AWS_REGION", "AWS_DEFAULT_REGION"}));
  options.style = style_of(from_url);
  options.timeout = from_url.duration("timeout", options.timeout);
  options.profile = from_url.text("profile");
  options.ca_file = from_url.text("ca", environment("AWS_CA_BUNDLE"));
  from_url.finish();
  check(options);
  return options;
}

void check(const S3Options& options) {
  if (options.bucket.find_first_of("@:") != std::string::npos) {
    throw ConfigError{
        "s3: a URL is s3://BUCKET/PREFIX?endpoint=…; credentials come from the environment or the "
        "shared credentials file, the server from the option 'endpoint'"};
  }
  if (!is_name(options.bucket) || options.bucket.size() < 3) {
    throw ConfigError{fmt::format("s3: {} is not a bucket name", in_quotes(options.bucket))};
  }
  if (!options.region.empty() && !is_name(options.region)) {
    throw ConfigError{fmt::format("s3: {} is not a region", in_quotes(options.region))};
  }
  if (options.prefix.size() > max_prefix_bytes) {
    throw ConfigError{fmt::format("s3: the prefix is longer than {} bytes", max_prefix_bytes)};
  }
  if (!options.prefix.empty() && !is_key(options.prefix)) {
    throw ConfigError{fmt::format("s3: {} is not a key prefix", in_quotes(options.prefix))};
  }
  if (!options.endpoint.empty()) check_endpoint(options.endpoint);
  if (options.timeout <= std::chrono::milliseconds{0}) {
    throw ConfigError{"s3: the timeout must be greater than 0"};
  }
}

S3Options completed(S3Options options) {
  const bool is_amazon = options.endpoint.empty();
  if (options.region.empty()) options.region = "us-east-1";
  if (is_amazon) options.endpoint = fmt::format("https://s3.{}.amazonaws.com", options.region);
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  if (options.style == S3Options::Style::automatic) {
    // Amazon's certificate covers one label.
    const bool is_label = options.bucket.find('.') == std::string::npos;
    options.style = is_amazon && is_label ? S3Options::Style::virtual_host : S3Options::Style::path;
  }
  return options;
}

std::string address_of_bucket(const S3Options& options) {
  if (options.style == S3Options::Style::path) {
    return fmt::format("{}/{}", options.endpoint, options.bucket);
  }
  std::string address = options.endpoint;
  address.insert(address.find("://") + 3, options.bucket + ".");
  return address;
}

}  // namespace eventcollect::s3
