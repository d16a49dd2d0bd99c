#include "drivers/s3/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "drivers/s3/answers.hpp"

namespace eventcollect::s3 {
namespace {

// The errors of S3 that are not what their status says, and what there is to be said of them.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
struct Known {
  std::string_view code;
  Verdict::Kind kind;
  std::string_view hint;
};

constexpr std::array known{
    Known{"AccessDenied", Verdict::misconfigured, "the credentials do not permit it"},
    Known{"AuthorizationHeaderMalformed", Verdict::misconfigured, "is the region right?"},
    Known{"BadDigest", Verdict::again, "the content was damaged on its way"},
    Known{"ConditionalRequestConflict", Verdict::again, ""},
    Known{"ExpiredToken", Verdict::rejected, "the session is over"},
    Known{"ExpiredTokenException", Verdict::rejected, "the session is over"},
    Known{"IllegalLocationConstraintException", Verdict::misconfigured, "is the region right?"},
    Known{"InvalidAccessKeyId", Verdict::rejected, "the store does not know the access key"},
    Known{"InvalidBucketName", Verdict::misconfigured, ""},
    Known{"InvalidToken", Verdict::rejected, "the session token is malformed"},
    Known{"NoSuchBucket", Verdict::misconfigured, "there is no such bucket"},
    Known{"NotImplemented", Verdict::misconfigured, "the store cannot do this"},
    Known{"OperationAborted", Verdict::again, ""},
    Known{"PermanentRedirect", Verdict::misconfigured, "the bucket has another endpoint"},
    Known{"RequestTimeTooSkewed", Verdict::misconfigured, "this machine's clock is wrong"},
    Known{"RequestTimeout", Verdict::again, ""},
    Known{"SignatureDoesNotMatch", Verdict::rejected, "the secret is wrong"},
    Known{"TemporaryRedirect", Verdict::again, ""},
    Known{"TokenRefreshRequired", Verdict::rejected, "the session is over"},
    Known{"XAmzContentSHA256Mismatch", Verdict::again, "the content was damaged on its way"},
};

Verdict::Kind kind_of_status(long status) {
  switch (status) {
    case 408:
    case 429:
      return Verdict::again;
    case 301:
    case 401:
    case 403:
    case 405:
    case 501:
      return Verdict::misconfigured;
    default:
      return status >= 500 ? Verdict::again : Verdict::unavailable;
  }
}

Verdict judge_code(std::string code, const HttpResponse& response) {
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](const Known& one) { return one.code == code; });
  Verdict verdict{kind_of_status(response.status), {}, fmt::format("{}", response.status)};
  // S3 gives a reason; where there is none, the answer was cut short, or it is a proxy's.
  if (code.empty() && verdict.kind == Verdict::unavailable) verdict.kind = Verdict::again;
  if (!code.empty()) verdict.why += fmt::format(" {}", code);
  if (found != known.end()) {
    verdict.kind = found->kind;
    if (!found->hint.empty()) verdict.why += fmt::format(": {}", found->hint);
  }
  verdict.code = std::move(code);
  return verdict;
}

// The answers to HEAD have no body to say it.
std::string code_of_status(long status) {
  switch (status) {
    case 404:
      return "NotFound";
    case 412:
      return "PreconditionFailed";
    default:
      return {};
  }
}

Verdict::Kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Verdict::misconfigured;
    case CURLE_WRITE_ERROR:
      return Verdict::unavailable;
    default:
      return Verdict::again;
  }
}

// Whether the head of an answer with content came to its end: libcurl takes a connection that is
// closed in the middle of it for a good one.
bool is_head_whole(const HttpResponse& response) {
  if (response.status == 206) return !response.header("content-range").empty();
  return !response.header("content-length").empty() ||
         !response.header("transfer-encoding").empty();
}

Verdict judge_transfer(const Request& request, const HttpResponse& response) {
  if (request.takes_part && response.status == 206 && is_head_whole(response) &&
      !response.body.empty()) {
    return {};
  }
  if (response.code == CURLE_WRITE_ERROR) {
    return {Verdict::unavailable,
            {},
            fmt::format("the answer is longer than {} bytes", request.max_answer_bytes)};
  }
  return {kind_of(response.code), {}, response.problem};
}

}  // namespace

Verdict judge(const Request& request, const HttpResponse& response) {
  if (response.code != CURLE_OK) return judge_transfer(request, response);
  const bool is_good = response.status >= 200 && response.status < 300;
  if (is_good && request.takes_part && !is_head_whole(response)) {
    return {Verdict::again, {}, "the answer ends in its head"};
  }
  if (is_good && (request.root.empty() || root_of(response.body) == request.root)) return {};
  std::string code = error_code_of(response.body);
  if (is_good) {
    // S3 begins some answers before it knows how they end.
    const std::string_view what =
        code.empty() ? "an answer that is not S3's" : std::string_view{code};
    return {Verdict::again, code, fmt::format("{} {}", response.status, what)};
  }
  if (request.method == "HEAD") code = code_of_status(response.status);
  const auto& expected = request.expected;
  if (!code.empty() && std::find(expected.begin(), expected.end(), code) != expected.end()) {
    return {Verdict::expected, std::move(code), {}};
  }
  Verdict verdict = judge_code(std::move(code), response);
  const std::string region = response.header("x-amz-bucket-region");
  const bool is_plain =
      region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (verdict.kind == Verdict::misconfigured && !region.empty() && is_plain) {
    verdict.why += fmt::format(" (the bucket's region is {})", region);
  }
  return verdict;
}

}  // namespace eventcollect::s3
