// One signed HTTP request over a connection that is kept for the next.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/s3/credentials.hpp"

namespace eventcollect::s3 {

struct HttpRequest {
  std::string method;
  std::string url;  // encoded as it is to be signed
  std::vector<std::string> headers;
  std::string_view body;
  std::size_t max_answer_bytes = 0;
  std::chrono::milliseconds timeout{};          // for everything
  std::chrono::milliseconds silence_timeout{};  // of a peer that sends nothing
};

struct HttpResponse {
  CURLcode code = CURLE_OK;                    // whether an answer came, whole
  std::string problem;                         // in words, where none did
  bool was_sent = false;                       // some of the request was
  long status = 0;                             // 0: not even its head came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // as far as it came

  // Empty where it has none.
  std::string header(const std::string& name) const;
};

// Safe from any thread.
class HttpClient {
 public:
  HttpClient(std::string region, std::string ca_file);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpResponse perform(const HttpRequest& request, const Credentials& credentials);

 private:
  CURL* take();
  void give_back(CURL* handle);

  const std::string signature_;  // what to sign for, as CURLOPT_AWS_SIGV4 has it
  const std::string ca_file_;
  std::mutex mutex_;
  std::vector<CURL*> idle_;
};

}  // namespace eventcollect::s3
