#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "drivers/s3/answers.hpp"
#include "drivers/s3/credentials.hpp"
#include "drivers/s3/encoding.hpp"
#include "drivers/s3/verdict.hpp"
#include "support/cutting_proxy.hpp"
#include "support/directory.hpp"
#include "support/s3.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a put fails with.
Error failure_of(const S3Options& options) {
  try {
    S3Store{options}.put("key", "content");
  } catch (const Error& error) {
    return error;
  }
  FAIL("it did not fail");
  return {Error::unavailable, ""};
}

bool says(const Error& error, std::string_view what) {
  return std::string_view{error.what()}.find(what) != std::string_view::npos;
}

// A credentials file with one profile "tests", which `secret` may be wrong in.
class CredentialsFile {
 public:
  explicit CredentialsFile(const std::string& secret) {
    write(secret);
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", path_.c_str(), 1);
  }
  ~CredentialsFile() { ::unsetenv("AWS_SHARED_CREDENTIALS_FILE"); }
  CredentialsFile(const CredentialsFile&) = delete;
  CredentialsFile& operator=(const CredentialsFile&) = delete;

  void write(const std::string& secret) const {
    std::ofstream{path_} << "[default]\naws_access_key_id = nobody\n# a comment\n[tests]\n"
                         << "aws_access_key_id = " << std::getenv("AWS_ACCESS_KEY_ID") << '\n'
                         << "aws_secret_access_key=" << secret << '\n';
  }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.path("credentials");
};

}  // namespace

TEST_CASE("a bucket that is not there is said to be missing, at once") {
  const auto url = service_url("S3");
  if (!url) return;
  S3Options options = s3_options(*url);
  options.bucket = "no-such-bucket";
  const Error error = failure_of(options);
  CHECK(error.kind() == Error::misconfigured);
  CHECK(says(error, "NoSuchBucket"));
  S3Store store{options};
  CHECK_THROWS_AS(keys_in(store), Error);
  CHECK_THROWS_AS(store.get("key"), Error);
}

TEST_CASE("a wrong secret is said to be wrong, and is not said") {
  const auto url = service_url("S3");
  if (!url) return;
  const CredentialsFile file{"a/wrong/secret"};
  S3Options options = s3_options(*url);
  options.profile = "tests";
  const Error error = failure_of(options);
  CHECK(error.kind() == Error::misconfigured);
  CHECK(says(error, "SignatureDoesNotMatch"));
  CHECK_FALSE(says(error, "a/wrong/secret"));
}

TEST_CASE("credentials that were changed in their file meanwhile are taken without a restart") {
  const auto url = service_url("S3");
  if (!url) return;
  const CredentialsFile file{"what/was/right/yesterday"};
  S3Options options = s3_options(*url);
  options.profile = "tests";
  S3Store store{options};
  file.write(std::getenv("AWS_SECRET_ACCESS_KEY"));
  store.put("key", "content");
  CHECK(read_object(store, "key") == "content");
}

TEST_CASE(
    "what S3 says decides whether to try again, to read the credentials again, or to give up") {
  const auto verdict = [](long status, const std::string& code, const std::string& method = "PUT") {
    s3::HttpResponse response;
    response.status = status;
    if (!code.empty()) response.body = "<Error><Code>" + code + "</Code></Error>";
    return s3::judge({.method = method, .key = "key"}, response).kind;
  };
  CHECK(verdict(200, "") == s3::Verdict::success);
  CHECK(verdict(503, "SlowDown") == s3::Verdict::again);
  CHECK(verdict(500, "InternalError") == s3::Verdict::again);
  CHECK(verdict(503, "") == s3::Verdict::again);
  CHECK(verdict(400, "ExpiredToken") == s3::Verdict::rejected);
  CHECK(verdict(403, "SignatureDoesNotMatch") == s3::Verdict::rejected);
  CHECK(verdict(403, "AccessDenied") == s3::Verdict::misconfigured);
  CHECK(verdict(404, "NoSuchBucket") == s3::Verdict::misconfigured);
  CHECK(verdict(400, "EntityTooLarge") == s3::Verdict::unavailable);
  CHECK(verdict(412, "") == s3::Verdict::again);  // cut short
}

TEST_CASE("an attempt may have been done unless it was not sent, or rejected with a reason") {
  const auto may_be_done = [](CURLcode code, long status, const std::string& error, bool was_sent) {
    s3::HttpResponse response;
    response.code = code;
    response.status = status;
    response.was_sent = was_sent;
    if (!error.empty()) response.body = "<Error><Code>" + error + "</Code></Error>";
    return s3::judge({.method = "PUT", .key = "key"}, response).may_be_done;
  };
  CHECK(may_be_done(CURLE_OPERATION_TIMEDOUT, 0, "", true));
  CHECK(may_be_done(CURLE_GOT_NOTHING, 0, "", true));
  CHECK(may_be_done(CURLE_COULDNT_CONNECT, 0, "", true));  // sent over a connection that was kept
  CHECK_FALSE(may_be_done(CURLE_COULDNT_CONNECT, 0, "", false));
  CHECK_FALSE(may_be_done(CURLE_OPERATION_TIMEDOUT, 0, "", false));
  CHECK(may_be_done(CURLE_OK, 500, "InternalError", true));
  CHECK(may_be_done(CURLE_OK, 504, "", true));
  CHECK_FALSE(may_be_done(CURLE_OK, 403, "SignatureDoesNotMatch", true));
  CHECK_FALSE(may_be_done(CURLE_OK, 404, "NoSuchBucket", true));
  CHECK_FALSE(may_be_done(CURLE_OK, 400, "EntityTooLarge", true));
  CHECK_FALSE(may_be_done(CURLE_OK, 501, "NotImplemented", true));
  CHECK_FALSE(may_be_done(CURLE_OK, 200, "", true));
}

TEST_CASE("an answer that ends in its head is none") {
  s3::Request request{.method = "GET", .key = "key"};
  request.takes_part = true;
  s3::HttpResponse response;
  response.status = 206;
  CHECK(s3::judge(request, response).kind == s3::Verdict::again);
  response.status = 200;
  CHECK(s3::judge(request, response).kind == s3::Verdict::again);
  response.headers["content-length"] = "0";
  CHECK(s3::judge(request, response).kind == s3::Verdict::success);
}

TEST_CASE("a profile that is not there is said to be missing") {
  const CredentialsFile file{"secret"};
  CHECK_THROWS_AS(s3::CredentialSource{"nobody"}, Error);
  CHECK_THROWS_AS(s3::CredentialSource{"default"}, Error);  // has a key, but no secret
}

TEST_CASE("a store that is down is unavailable within the timeout, and later it works") {
  const auto url = service_url("S3");
  if (!url) return;
  S3Options options = s3_options(*url);
  options.timeout = milliseconds{500};
  S3Store store{options};
  {
    const ServiceOutage outage{"s3"};
    const Error error = failure_of(options);
    CHECK(error.kind() == Error::unavailable);
    CHECK_THROWS_AS(keys_in(store), Error);
  }
  options.timeout = seconds{30};
  S3Store patient{options};
  patient.put("key", "content");
  CHECK(read_object(patient, "key") == "content");
}

TEST_CASE("a store that does not answer leaves a put in doubt, within the timeout") {
  const auto url = service_url("S3");
  if (!url) return;
  const S3Options direct = s3_options(*url);
  CuttingProxy proxy{"127.0.0.1", port_of(direct)};
  S3Options options = through(direct, proxy.port());
  options.timeout = milliseconds{500};
  proxy.stall();
  CHECK(failure_of(options).kind() == Error::in_doubt);
  S3Store store{options};
  try {
    store.create("key", "content");
    FAIL("it was created");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::in_doubt);
  }
  const auto writer = store.write("key");
  writer->write("content");
  try {
    writer->commit();
    FAIL("it was committed");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::in_doubt);
  }
  try {
    store.get("key");
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::unavailable);
  }
}

// Whatever is lost on the way, at a random byte: an answer is true, and nothing is half there.
TEST_CASE("a connection that is cut anywhere costs no truth") {
  const auto url = service_url("S3");
  if (!url) return;
  const S3Options direct = s3_options(*url);
  CuttingProxy proxy{"127.0.0.1", port_of(direct)};
  S3Options options = through(direct, proxy.port());
  options.timeout = seconds{20};
  S3Store store{options};
  S3Store witness{direct};
  std::mt19937_64 random{seed()};
  const std::string large = content_of(std::size_t{9} << 20);
  for (unsigned round = 0; round < 150; ++round) {
    const std::string key = "cut/" + std::to_string(round);
    const bool in_parts = round % 10 == 0;
    proxy.cut_after(random() % (in_parts ? large.size() : 3'000));
    if (in_parts) {
      const auto writer = store.write(key);
      writer->write(large);
      writer->commit();
      CHECK(read_object(witness, key) == large);
      proxy.cut_after(random() % large.size());
      CHECK(read_object(store, key) == large);
    } else {
      CHECK(store.create(key, key));  // true, though an attempt whose answer was lost made it
      CHECK(read_object(store, key) == key);
      CHECK_FALSE(store.create(key, "another"));
      CHECK(keys_in(store, key + "/").empty());
    }
    proxy.cancel_cut();
  }
  CHECK(proxy.cuts() > 50);
  CHECK(keys_in(witness, "cut/").size() == 150);
}

TEST_CASE("what is no answer of S3 is an error, not an empty list") {
  CHECK(s3::root_of("<html><body>502</body></html>") == "html");
  CHECK(s3::root_of("not XML") == "");
  CHECK(s3::error_code_of("<Error><Code>SlowDown</Code></Error>") == "SlowDown");
  CHECK(s3::error_code_of("<Error><Code>a secret: </Code></Error>") == "");
  CHECK_THROWS(s3::read_list(""));
  CHECK_THROWS(s3::read_list("<ListBucketResult></ListBucketResult>"));
  CHECK_THROWS(
      s3::read_list("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
}

TEST_CASE("a bad escape in a listed key stays, and the others are decoded") {
  CHECK(s3::decode_key("a%2Fb+c%20d%C3%A9") == "a/b c d\xC3\xA9");
  CHECK(s3::decode_key("a%2Fb%zz%2f%") == "a/b%zz/%");
  CHECK(s3::decode_key("%%20%2") == "% %2");
}

}  // namespace eventcollect::test
