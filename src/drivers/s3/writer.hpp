// An object that is written part by part.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/s3/client.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::s3 {

// How many bytes part `number`, from 1 on, has: 8 MiB at first, and later more, so that 10,000 of
// them, which is all that S3 allows, hold 5 TiB.
std::uint64_t bytes_of_part(std::size_t number);

// One thread at a time. After an error it is of no more use.
class Writer final : public ObjectWriter {
 public:
  Writer(std::shared_ptr<Client> client, std::string key);
  ~Writer() override;

  void write(std::string_view data) override;
  void commit() override;

 private:
  void begin();
  void put_part();
  void complete();
  void abort() noexcept;

  std::shared_ptr<Client> client_;
  std::string key_;
  std::string mark_;    // by which this upload is known again; see mark.hpp
  std::string upload_;  // its id; empty while there is none
  std::string part_;    // what is gathered of the next
  std::vector<std::string> etags_;
  bool is_over_ = false;
};

}  // namespace eventcollect::s3
