// Reads a gzipped object (RFC 1952, several members too) as what was compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/object_store.hpp"

namespace eventcollect::objects {

// One thread at a time.
class GzipReader {
 public:
  explicit GzipReader(std::unique_ptr<ObjectReader> object);
  ~GzipReader();
  GzipReader(GzipReader&&) noexcept;
  GzipReader& operator=(GzipReader&&) noexcept;

  // Writes at most `bytes` (above zero) to `out` and returns how many; 0 at the end, or where the
  // rest cannot be read. How far it gets into a damaged object depends on the library, not on the
  // pieces that the object comes in. Throws Error.
  std::size_t read(char* out, std::size_t bytes);

  // What is wrong with the object ("is cut off", "is damaged"); empty if nothing is. To be asked at
  // the end.
  const std::string& damage() const { return damage_; }

  // How much of the object was read, compressed.
  std::uint64_t compressed_bytes() const { return compressed_bytes_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t compressed_bytes_ = 0;
  std::string damage_;
};

}  // namespace eventcollect::objects
