#include "drivers/s3/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "drivers/s3/options.hpp"
#include "drivers/s3/verdict.hpp"
#include "eventcollect/retry.hpp"
#include "eventcollect/timer.hpp"

namespace eventcollect::s3 {

using base::append_percent_encoded;

using std::chrono::milliseconds;

namespace {

constexpr RetryPolicy retries{.first_wait = milliseconds{100}, .max_wait = milliseconds{5'000}};

Error::Kind error_kind_of(const Verdict& verdict) {
  return verdict.kind == Verdict::misconfigured ? Error::misconfigured : Error::unavailable;
}

S3Options checked(S3Options options) {
  check(options);
  return completed(std::move(options));
}

}  // namespace

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Client::Client(S3Options options)
    : options_{checked(std::move(options))},
      address_{address_of_bucket(options_)},
      credentials_{options_.profile},
      http_{options_.region, options_.ca_file} {}

std::string Client::full_key(std::string_view key) const {
  return options_.prefix.empty() ? std::string{key} : fmt::format("{}/{}", options_.prefix, key);
}

std::string Client::place(std::string_view key) const {
  return fmt::format("s3://{}/{}", options_.bucket, full_key(key));
}

HttpRequest Client::http_request(const Request& request) const {
  HttpRequest http;
  http.method = request.method;
  http.url = address_ + "/";
  if (!request.key.empty()) append_percent_encoded(http.url, full_key(request.key), "/");
  if (!request.query.empty()) http.url.append("?").append(encode(request.query));
  http.headers = request.headers;
  http.headers.push_back("x-amz-content-sha256: " + sha256(request.body));
  if (request.method == "PUT" || request.method == "POST") {
    http.headers.emplace_back("content-type: application/octet-stream");
  }
  http.body = request.body;
  http.max_answer_bytes = request.max_answer_bytes;
  // So that an attempt that hangs leaves time for another.
  http.silence_timeout = options_.timeout / 3;
  return http;
}

Answer Client::send(const Request& request) {
  Timer& timer = steady_timer();
  const auto deadline = timer.now() + options_.timeout;
  Backoff backoff{retries};
  HttpRequest http = http_request(request);
  bool is_in_doubt = false;
  for (;;) {
    const Credentials credentials = credentials_.get();
    http.timeout = std::chrono::ceil<milliseconds>(deadline - timer.now());
    HttpResponse response = http_.perform(http, credentials);
    Verdict verdict = judge(request, response);
    if (verdict.kind == Verdict::success || verdict.kind == Verdict::expected) {
      return {std::move(verdict.code), response.status, std::move(response.headers),
              std::move(response.body)};
    }
    is_in_doubt = is_in_doubt || (request.stores && verdict.may_be_done);
    if (verdict.kind == Verdict::rejected && !credentials_.refresh(credentials)) {
      verdict.kind = Verdict::misconfigured;
    }
    const bool may_help = verdict.kind == Verdict::again || verdict.kind == Verdict::rejected;
    const milliseconds wait = backoff.next(timer.now()).value_or(milliseconds{0});
    if (!may_help || timer.now() + wait >= deadline) {
      throw Error{
          is_in_doubt ? Error::in_doubt : error_kind_of(verdict),
          fmt::format("s3: cannot {} {}: {}", request.method, place(request.key), verdict.why)};
    }
    timer.wait(wait, {});
  }
}

}  // namespace eventcollect::s3
