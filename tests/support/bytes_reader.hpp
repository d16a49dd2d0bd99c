// Objects in memory, for what has no store.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "eventcollect/object_store.hpp"
#include "objects/gzip_writer.hpp"

namespace eventcollect::test {

inline std::string gzipped(std::string_view text) {
  objects::GzipWriter writer;
  std::string out;
  writer.write(text, out);
  writer.finish(out);
  return out;
}

// Gives out its content in pieces of at most `piece_bytes`.
class BytesReader final : public ObjectReader {
 public:
  explicit BytesReader(std::string content, std::size_t piece_bytes = std::string::npos)
      : content_{std::move(content)}, piece_bytes_{piece_bytes} {}

  std::size_t read(char* out, std::size_t bytes) override {
    const std::size_t count = std::min({bytes, piece_bytes_, content_.size() - offset_});
    content_.copy(out, count, offset_);
    offset_ += count;
    return count;
  }

 private:
  std::string content_;
  std::size_t piece_bytes_;
  std::size_t offset_ = 0;
};

}  // namespace eventcollect::test
