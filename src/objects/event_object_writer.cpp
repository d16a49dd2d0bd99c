#include "objects/event_object_writer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "objects/gzip_writer.hpp"

namespace eventcollect::objects {
namespace {

// Small enough that what is compressed stays in the processor's caches until it is written.
constexpr std::size_t piece_bytes = std::size_t{256} << 10;
constexpr std::size_t flush_bytes = std::size_t{64} << 10;

class GzippedNdjson final : public EventObjectWriter {
 public:
  explicit GzippedNdjson(std::unique_ptr<ObjectWriter> object) : object_{std::move(object)} {}

  void append(std::string_view lines) override {
    while (!lines.empty()) {
      gzip_.write(lines.substr(0, piece_bytes), gzipped_);
      lines.remove_prefix(std::min(lines.size(), piece_bytes));
      if (gzipped_.size() >= flush_bytes) flush();
    }
  }

  void commit() override {
    gzip_.finish(gzipped_);
    flush();
    object_->commit();
  }

 private:
  void flush() {
    object_->write(gzipped_);
    gzipped_.clear();
  }

  std::unique_ptr<ObjectWriter> object_;
  GzipWriter gzip_;
  std::string gzipped_;
};

}  // namespace

std::unique_ptr<EventObjectWriter> write_event_object(std::unique_ptr<ObjectWriter> object,
                                                      ObjectFormat format) {
  switch (format) {
    case ObjectFormat::gzipped_ndjson:
      return std::make_unique<GzippedNdjson>(std::move(object));
  }
  throw std::logic_error{"unknown format of an object"};
}

}  // namespace eventcollect::objects
