#include <utility>

#include "drivers/file/log.hpp"
#include "eventcollect/file.hpp"

namespace eventcollect {

using base::posix_file_system;

FileSink::FileSink(const std::string& directory, FileSinkOptions options, const Clock& clock)
    : log_{std::make_unique<file::Log>(directory, std::move(options), posix_file_system(), clock)} {
}

FileSink::~FileSink() = default;

void FileSink::write(const Batch& batch, Rejections&) { log_->append(batch.ndjson()); }
void FileSink::maintain() { log_->maintain(); }

}  // namespace eventcollect
