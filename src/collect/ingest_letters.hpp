// The dead letters of ingest, which hold up nothing: a thread of their own makes and writes them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "collect/committer.hpp"
#include "collect/letter_rate.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect::collect {

// Safe from any thread.
class IngestLetters {
 public:
  // Throws std::logic_error where the sink is in use by a collector.
  IngestLetters(const std::shared_ptr<Sink>& sink, std::size_t max_bytes_per_minute,
                Committer::Options options);

  // Keeps letters of what was rejected at `now`, as far as the rate, the queue and the memory have
  // room; the others are counted.
  void add(TimePoint now, std::span<const Rejection> rejections) noexcept;

  // Counts letters that there was no memory for.
  void count_lost(std::size_t letters) { committer_->count_lost(letters); }

  // See Collector::close.
  void close(std::chrono::milliseconds timeout) { committer_->close(timeout); }

  std::uint64_t over_rate() const { return over_rate_.load(std::memory_order_relaxed); }
  SinkStatistics statistics() const { return committer_->statistics(); }

 private:
  // Shared with the thread that writes, which may be left behind.
  const std::shared_ptr<LetterRate> rate_;
  const std::shared_ptr<Committer> committer_;
  std::atomic<std::uint64_t> over_rate_{0};
};

}  // namespace eventcollect::collect
