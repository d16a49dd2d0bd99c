// Writing to a sink as most tests do it.
#pragma once

#include "eventcollect/sink.hpp"

namespace eventcollect::test {

// What `sink` rejected of `batch`. Throws what it throws.
inline Rejections write(Sink& sink, const Batch& batch) {
  Rejections rejections;
  sink.write(batch, rejections);
  return rejections;
}

}  // namespace eventcollect::test
