#include "load/plain_ledger.hpp"

#include <utility>

namespace eventcollect::loading {

PlainLedger::PlainLedger(Sink& sink, const RetryPolicy& policy, RetrySink::OnRetry on_retry,
                         const std::stop_token& stop, Timer& timer)
    : sink_{std::shared_ptr<Sink>{std::shared_ptr<Sink>{}, &sink}, policy, std::move(on_retry),
            stop, timer} {}

void PlainLedger::write(const Batch& batch, Rejections& rejections) {
  sink_.write(batch, rejections);
}

LoadStart PlainLedger::begin(std::string_view object_key, std::string_view) {
  if (loaded_.contains(object_key)) return LoadStart::loaded;
  object_key_ = object_key;
  return LoadStart::begun;
}

void PlainLedger::commit() { loaded_.insert(std::exchange(object_key_, {})); }

std::vector<bool> PlainLedger::loaded(std::span<const std::string> object_keys, std::string_view) {
  std::vector<bool> answers;
  answers.reserve(object_keys.size());
  for (const std::string& key : object_keys) answers.push_back(loaded_.contains(key));
  return answers;
}

}  // namespace eventcollect::loading
