#include "core/built_in_sinks.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/url.hpp"
#include "file/file_log.hpp"

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

std::shared_ptr<Sink> open_file_sink(const Url& url) {
  UrlOptions values{url};
  FileSinkOptions options;
  options.rotate_bytes = values.bytes("rotate_bytes", options.rotate_bytes);
  options.rotate_age = values.duration("rotate_age", options.rotate_age);
  options.max_total_bytes = values.bytes("max_total_bytes", options.max_total_bytes);
  values.finish();
  if (!url.authority.empty()) {
    throw ConfigError{"file: names a directory of this machine: file:DIR or file:///DIR"};
  }
  if (url.path.empty()) throw ConfigError{"file: needs a directory, as in file:events"};
  return std::make_shared<FileSink>(url.path, options);
}

}  // namespace eventcollect
