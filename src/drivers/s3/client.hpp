// Requests to one bucket: made again where that may help, and rejected in words where not.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/s3/credentials.hpp"
#include "drivers/s3/encoding.hpp"
#include "drivers/s3/http.hpp"
#include "eventcollect/s3.hpp"

namespace eventcollect::s3 {

// What is to be had of an answer beyond this is an error: no list of 1,000 keys is longer.
inline constexpr std::size_t max_document_bytes = std::size_t{8} << 20;

struct Request {
  std::string method;
  std::string key{};  // as callers know it; empty for the bucket itself
  Query query{};
  std::vector<std::string> headers{};
  std::string_view body{};

  // Errors of S3 that the caller wants as an answer.
  std::vector<std::string_view> expected{};
  // The root of the document that the answer is. Empty: it is none.
  std::string_view root{};
  std::size_t max_answer_bytes = max_document_bytes;
  // Whether part of the content is an answer, too, where the connection is lost.
  bool takes_part = false;
};

struct Answer {
  std::string error;  // one of Request::expected; empty where it succeeded
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // Empty where it has none.
  std::string header(const std::string& name) const;
};

// Safe from any thread.
class Client {
 public:
  // Throws ConfigError, and Error where there are no credentials.
  explicit Client(S3Options options);

  // Throws Error, in time.
  Answer send(const Request& request);

  // The key in the bucket.
  std::string full_key(std::string_view key) const;

  // "s3://bucket/prefix/key", for messages.
  std::string place(std::string_view key) const;

 private:
  HttpRequest http_request(const Request& request) const;

  const S3Options options_;
  const std::string address_;
  CredentialSource credentials_;
  HttpClient http_;
};

}  // namespace eventcollect::s3
