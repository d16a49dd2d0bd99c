#include "eventcollect/file.hpp"
#include "core/built_in.hpp"
#include "eventcollect/url.hpp"
#include "file/file_log.hpp"
#include "file/file_reader.hpp"

namespace eventcollect {

class FileSink::Log : public FileLog {
 public:
  using FileLog::FileLog;
};

FileSink::FileSink(const std::string& directory, FileSinkOptions options, const Clock& clock)
    : log_{std::make_unique<Log>(directory, options, posix_file_system(), clock)} {}

FileSink::~FileSink() = default;

void FileSink::write(const Batch& batch) { log_->append(batch.ndjson()); }
void FileSink::tend() { log_->tend(); }

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

bool FileSource::read(Delivery& delivery, const Patience& patience) {
  return reader_->read(delivery, patience);
}

void FileSource::acknowledge(const Delivery& delivery) { reader_->acknowledge(delivery); }

void FileSource::rewind() { reader_->rewind(); }

FileSource::Backlog FileSource::backlog() const { return reader_->backlog(); }

namespace {

std::string directory_of(const Url& url) {
  if (!url.authority.empty()) {
    throw ConfigError{"file: names a directory of this machine: file:DIR or file:///DIR"};
  }
  if (url.path.empty()) throw ConfigError{"file: needs a directory, as in file:events"};
  return url.path;
}

}  // namespace

std::shared_ptr<Sink> open_file_sink(const Url& url) {
  UrlOptions values{url};
  FileSinkOptions options;
  options.rotate_bytes = values.bytes("rotate_bytes", options.rotate_bytes);
  options.rotate_age = values.duration("rotate_age", options.rotate_age);
  options.max_total_bytes = values.bytes("max_total_bytes", options.max_total_bytes);
  values.finish();
  return std::make_shared<FileSink>(directory_of(url), options);
}

std::shared_ptr<Source> open_file_source(const Url& url) {
  UrlOptions values{url};
  FileSourceOptions options;
  options.cursor = values.text("cursor", options.cursor);
  options.consume = values.flag("consume", options.consume);
  options.follow = values.flag("follow", options.follow);
  values.finish();
  return std::make_shared<FileSource>(directory_of(url), options);
}

}  // namespace eventcollect
