// The dead letters of a load.
#pragma once

#include <string>

#include "eventcollect/batch.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/rejections.hpp"
#include "eventcollect/source.hpp"
#include "load/load_retry.hpp"

namespace eventcollect::loading {

// Keeps the letters of an object until its end, unless they are too many: an object that is loaded
// again would have them again. All functions throw Error where the letters cannot be stored, and
// then nothing is tried again. One thread at a time.
class LoadLetters {
 public:
  // Both have to outlive it.
  LoadLetters(const LoadOptions& options, LoadRetry& retry) : options_{options}, retry_{retry} {}

  // What of `delivery` could not be read, and what the sink rejected of it.
  void add(const Delivery& delivery, const Rejections& rejections);

  // What could be read of the object is loaded, and the rest is lost: only a letter tells of it.
  void add_damaged(const std::string& key, const std::string& damage);

  // All are durable then.
  void flush();

  // Drops those of an object that is not loaded.
  void clear() { letters_.clear(); }

 private:
  const LoadOptions& options_;
  LoadRetry& retry_;
  Batch letters_;
};

}  // namespace eventcollect::loading
