// Ships a spool's events to one target.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "eventcollect/spool.hpp"

namespace eventcollect {

// One owner, who calls end() last; statistics() is safe from any thread.
class Spool::Forwarder : public std::enable_shared_from_this<Forwarder> {
 public:
  Forwarder(const std::string& directory, std::shared_ptr<const FileSink> files, SpoolTarget target,
            const SpoolOptions& options);

  void start();
  void request_stop() { thread_.request_stop(); }

  // Waits until the thread has ended. At `deadline` it is left to itself, and keeps what it uses.
  void end(std::chrono::steady_clock::time_point deadline);

  SpoolStatistics statistics() const;

 private:
  void run(const std::stop_token& stop);
  void forward(const std::stop_token& stop);
  void note(const std::exception& error);

  const std::shared_ptr<const FileSink> files_;
  const SpoolTarget target_;
  const SpoolOptions options_;
  const std::shared_ptr<Sink> rejected_;
  FileSource source_;
  const std::shared_ptr<RejectionStreak> streak_ = std::make_shared<RejectionStreak>();
  std::size_t max_events_ = options_.max_batch_events;  // of the next batch
  std::atomic<std::uint64_t> forwarded_{0};
  std::atomic<std::uint64_t> rejected_events_{0};
  std::atomic<std::uint64_t> failures_{0};

  std::jthread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;  // one of these:
  bool has_ended_ = false;
  bool is_telling_ = false;  // while on_failure runs
  bool is_abandoned_ = false;
};

}  // namespace eventcollect
