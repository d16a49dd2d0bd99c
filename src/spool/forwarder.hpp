// Ships a spool's events to one target.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "eventcollect/spool.hpp"

namespace eventcollect {

class Spool::Forwarder {
 public:
  Forwarder(const std::string& directory, std::shared_ptr<const FileSink> files,
            SpoolTarget target, const SpoolOptions& options);

  void start();
  void request_stop() { thread_.request_stop(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  SpoolStatistics statistics() const;

 private:
  void run(const std::stop_token& stop);
  void forward(FileSource& source, const std::stop_token& stop);
  void reopen();
  void note(const std::exception& error);

  const std::shared_ptr<const FileSink> files_;
  const SpoolTarget target_;
  const SpoolOptions options_;
  const std::shared_ptr<Sink> refused_;
  std::atomic<std::uint64_t> forwarded_{0};
  std::atomic<std::uint64_t> refused_events_{0};
  std::atomic<std::uint64_t> failures_{0};

  mutable std::mutex mutex_;
  std::shared_ptr<FileSource> source_;  // null for the moment in which it is opened again

  std::jthread thread_;  // the last: it uses the others
};

}  // namespace eventcollect
