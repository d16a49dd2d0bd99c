// An object that is fetched piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "drivers/s3/client.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::s3 {

// One thread at a time.
class Reader final : public ObjectReader {
 public:
  // Null where there is no such object. Throws Error.
  static std::unique_ptr<Reader> open(std::shared_ptr<Client> client, std::string key);

  std::size_t read(char* out, std::size_t bytes) override;

 private:
  Reader(std::shared_ptr<Client> client, std::string key)
      : client_{std::move(client)}, key_{std::move(key)} {}

  bool fetch_first();
  void fetch_next();
  Answer ask();
  void take_range(Answer answer);

  std::shared_ptr<Client> client_;
  std::string key_;
  std::string etag_;
  std::uint64_t bytes_ = 0;    // of the object
  std::uint64_t fetched_ = 0;  // of those
  std::string piece_;
  std::size_t position_ = 0;  // in piece_
};

}  // namespace eventcollect::s3
