#include "eventcollect/file.hpp"
#include "drivers/file/log.hpp"
#include "drivers/file/options.hpp"
#include "drivers/file/reader.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

class FileSink::Log : public FileLog {
 public:
  using FileLog::FileLog;
};

FileSink::FileSink(const std::string& directory, FileSinkOptions options, const Clock& clock)
    : log_{std::make_unique<Log>(directory, options, posix_file_system(), clock)} {}

FileSink::~FileSink() = default;

void FileSink::write(const Batch& batch, Rejections&) { log_->append(batch.ndjson()); }
void FileSink::maintain() { log_->maintain(); }

class FileSource::Reader : public FileReader {
 public:
  using FileReader::FileReader;
};

FileSource::FileSource(const std::string& directory, FileSourceOptions options)
    : reader_{
          std::make_unique<Reader>(directory, std::move(options), posix_file_system(), nullptr)} {}

FileSource::FileSource(const FileSink& sink, FileSourceOptions options)
    : reader_{std::make_unique<Reader>(sink.log_->directory(), std::move(options),
                                       posix_file_system(), sink.log_->progress())} {}

FileSource::~FileSource() = default;

bool FileSource::read(Delivery& delivery, const ReadLimits& limits) {
  return reader_->read(delivery, limits);
}

void FileSource::acknowledge(const Delivery& delivery) { reader_->acknowledge(delivery); }

void FileSource::rewind() { reader_->rewind(); }

FileSource::Backlog FileSource::backlog() const { return reader_->backlog(); }

}  // namespace eventcollect
