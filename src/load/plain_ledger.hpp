// What a load writes to where the sink is no database.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "eventcollect/ledger.hpp"
#include "eventcollect/retry.hpp"

namespace eventcollect::loading {

// Writes at once, trying again by itself, and remembers which objects it was given.
class PlainLedger final : public LedgerSink {
 public:
  // As RetrySink; `sink` has to outlive this.
  PlainLedger(Sink& sink, const RetryPolicy& policy, RetrySink::OnRetry on_retry,
              const std::stop_token& stop, Timer& timer);

  void write(const Batch& batch, Rejections& rejections) override;
  LoadStart begin(std::string_view object_key, std::string_view selection) override;
  void commit() override;
  void roll_back() noexcept override {}
  std::vector<bool> loaded(std::span<const std::string> object_keys,
                           std::string_view selection) override;

 private:
  RetrySink sink_;
  std::string object_key_;
  std::set<std::string, std::less<>> loaded_;
};

}  // namespace eventcollect::loading
