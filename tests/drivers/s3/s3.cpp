#include "eventcollect/s3.hpp"

#include <doctest/doctest.h>

#include "eventcollect/objects.hpp"
#include "support/s3.hpp"

namespace eventcollect::test {
namespace {

class S3Bench final : public ObjectStoreBench {
 public:
  explicit S3Bench(S3Options options) : options_{std::move(options)} {}

  std::shared_ptr<ObjectStore> open() override { return std::make_shared<S3Store>(options_); }
  std::vector<std::string> leftovers() override { return open_uploads(options_); }

 private:
  S3Options options_;
};

}  // namespace

TEST_CASE("a bucket keeps the contract of stores") {
  const auto url = service_url("S3");
  if (!url) return;
  S3Bench bench{s3_options(*url)};
  for (const std::string& broken : violations(bench)) FAIL_CHECK(broken);
}

TEST_CASE("a bucket that its host names is the one that the path names") {
  const auto url = service_url("S3");
  if (!url) return;
  const S3Options by_path = s3_options(*url);
  S3Options by_host = by_path;
  by_host.endpoint = "http://localhost:" + std::to_string(port_of(by_path));
  by_host.style = S3Options::Style::virtual_host;
  S3Store{by_host}.put("a=b/c d+e", "content");
  S3Store store{by_path};
  CHECK(read_object(store, "a=b/c d+e") == "content");
}

TEST_CASE("a store over TLS is believed only if its certificate is good") {
  const auto url = service_url("S3_TLS");
  const auto authority = service_url("S3_CA");
  if (!url || !authority) return;
  S3Options options = s3_options(*url);
  options.timeout = std::chrono::seconds{3};
  S3Store stranger{options};
  try {
    stranger.put("key", "content");
    FAIL("a certificate of an unknown authority is taken");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::misconfigured);
  }
  options.ca_file = *authority;
  S3Store friendly{options};
  friendly.put("key", "content");
  CHECK(read_object(friendly, "key") == "content");
}

TEST_CASE("s3 is a scheme of stores and of sinks once it is enabled") {
  const auto url = service_url("S3");
  if (!url) return;
  enable_s3();
  CHECK(open_store(*url) != nullptr);
  CHECK(open_sink(*url) != nullptr);
}

}  // namespace eventcollect::test
