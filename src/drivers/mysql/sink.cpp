#include "drivers/mysql/session.hpp"
#include "eventcollect/mysql.hpp"

namespace eventcollect {

MysqlSink::MysqlSink(const MysqlSinkOptions& options)
    : session_{std::make_unique<Session>(options)} {}
MysqlSink::~MysqlSink() = default;

void MysqlSink::write(const Batch& batch, Rejections& rejections) {
  session_->write(batch, rejections);
}
void MysqlSink::maintain() { session_->maintain(); }
LoadStart MysqlSink::begin(std::string_view object_key, std::string_view selection) {
  return session_->begin(object_key, selection);
}
void MysqlSink::commit() { session_->commit(); }
void MysqlSink::roll_back() noexcept { session_->roll_back(); }
std::vector<bool> MysqlSink::loaded(std::span<const std::string> object_keys,
                                    std::string_view selection) {
  return session_->loaded(object_keys, selection);
}

}  // namespace eventcollect
