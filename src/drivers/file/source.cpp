#include <utility>

#include "drivers/file/log.hpp"
#include "drivers/file/reader.hpp"
#include "eventcollect/file.hpp"

namespace eventcollect {

using base::posix_file_system;

FileSource::FileSource(const std::string& directory, FileSourceOptions options)
    : reader_{std::make_unique<file::Reader>(directory, std::move(options), posix_file_system(),
                                             nullptr)} {}

FileSource::FileSource(const FileSink& sink, FileSourceOptions options)
    : reader_{std::make_unique<file::Reader>(sink.log_->directory(), std::move(options),
                                             posix_file_system(), sink.log_->progress())} {}

FileSource::~FileSource() = default;

bool FileSource::read(Delivery& delivery, const ReadLimits& limits) {
  return reader_->read(delivery, limits);
}

void FileSource::acknowledge(const Delivery& delivery) { reader_->acknowledge(delivery); }

void FileSource::rewind() { reader_->rewind(); }

FileSource::Backlog FileSource::backlog() const { return reader_->backlog(); }

}  // namespace eventcollect
