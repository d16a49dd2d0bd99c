// Objects in S3, or in what speaks its protocol.
//
//   enable_s3();
//   auto store = open_store("s3://bucket/site?region=eu-central-1");
//   auto local = open_store("s3://bucket?endpoint=http://127.0.0.1:9000");
//
// URL options: endpoint=URL&region=NAME&style=path|virtual&timeout=30s&profile=NAME&ca=FILE. What
// the URL leaves open comes from AWS's own environment variables: AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE, AWS_CA_BUNDLE.
//
// Credentials never stand in the URL. Unless it names a profile they are AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); else those of the profile in
// AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, which is read again when the store rejects
// what it had said: a file that is rotated in place needs no restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "eventcollect/object_store.hpp"

namespace eventcollect {

namespace s3 {
class Client;
}

struct S3Options {
  std::string bucket{};
  std::string prefix{};  // before each key, with a '/' between; may be empty

  std::string endpoint{};  // http(s)://HOST[:PORT]. Empty: Amazon's of the region
  std::string region{};    // empty: us-east-1

  // What names the bucket: the path (http://HOST/BUCKET/KEY) or the host (http://BUCKET.HOST/KEY).
  enum class Style : std::uint8_t { automatic, path, virtual_host };
  Style style = Style::automatic;  // Amazon's by the host, others by the path

  // How long a request may take, all its attempts together. A call makes one or two; a list one
  // for each 1,000 keys, a reader one for each 8 MiB, a writer one for each part.
  std::chrono::milliseconds timeout{30'000};

  std::string profile{};  // of the credentials file. Empty: the environment, then "default"
  std::string ca_file{};  // PEM. Empty: the system's authorities
};

// Requests are signed (AWS Signature Version 4), and so is the SHA-256 of each body, which the
// store compares. An attempt that the network or the store (5xx, SlowDown) fails is made again
// after a random time, until the timeout; one that the store rejects is not.
//
// create() needs a store that knows If-None-Match on PUT; one that ignores it overwrites. An object
// longer than 8 MiB is written in parts (multipart upload), which are held in memory one at a time;
// a process that is killed meanwhile leaves them: let the bucket's lifecycle abort such uploads.
//
// An object is at most 5 GiB by put() and create(), 5 TiB by write().
class S3Store final : public ObjectStore {
 public:
  // Connects to nothing yet. Throws ConfigError, and Error where there are no credentials.
  explicit S3Store(S3Options options);
  ~S3Store() override;

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override;
  std::unique_ptr<ObjectReader> get(std::string_view key) override;
  void put(std::string_view key, std::string_view content) override;
  bool create(std::string_view key, std::string_view content) override;
  std::unique_ptr<ObjectWriter> write(std::string_view key) override;
  void remove(std::string_view key) override;

 private:
  std::shared_ptr<s3::Client>
      client_;  // readers and writers have it too, and may outlive the store
};

// Makes `s3://BUCKET/PREFIX` known to open_store() and open_sink(). Safe from any thread.
void enable_s3();

}  // namespace eventcollect
