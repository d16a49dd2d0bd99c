// What a collector and its endpoints share: it judges what comes, and queues it for the sink.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string_view>

#include "collect/committer.hpp"
#include "collect/ingest_letters.hpp"
#include "collect/workspace.hpp"
#include "eventcollect/collector.hpp"

namespace eventcollect::collect {

// Its functions are those of Collector, which closes it; what outlives the collector is told that
// it is closed. Safe from any thread.
class Intake {
 public:
  Intake(std::shared_ptr<Sink> sink, CollectorOptions options);

  Receipt collect(std::string_view body, const RequestInfo& info);
  void collect(std::string_view body, Completion completion, const RequestInfo& info);
  Ticket track(std::string_view name, const Properties& properties, const TrackOptions& options);
  bool close(std::chrono::milliseconds timeout);

  bool ready() const;
  bool is_clock_wrong() const;
  const CollectorOptions& options() const { return options_; }
  CollectorStatistics statistics() const;

 private:
  struct Pending;
  struct Policy;

  Intake(std::shared_ptr<Sink> sink, const std::shared_ptr<Sink>& letters,
         CollectorOptions&& options);
  void start_committers(std::shared_ptr<Sink> sink, const std::shared_ptr<Sink>& letters);
  bool is_forked() const;
  std::optional<Error> refusal() const;
  std::optional<Error> judge(std::string_view body, const RequestInfo& info, Workspace& space);
  Policy client_policy() const;
  std::optional<Error> submit(const Workspace& space, const Policy& policy,
                              const std::shared_ptr<Pending>& pending);
  std::optional<Error> submit_tracked(const Workspace& space, Completion settle);
  Ticket track(const Event& given, const Properties& properties, const TrackOptions& options);
  Ticket lose(const Event& event, const Error& why, const std::shared_ptr<Ticket::State>& ticket);
  void reject(const Event& event, std::string_view why);
  void count_rejected(const Rejection& rejection);

  const CollectorOptions options_;
  const unsigned forks_;                               // those before it was made
  const std::shared_ptr<Ticket::State> spare_ticket_;  // of what there is no memory for
  std::atomic<bool> is_closed_{false};
  std::atomic<std::uint64_t> accepted_{0};
  std::array<std::atomic<std::uint64_t>, all_codes.size()> rejected_{};
  std::unique_ptr<IngestLetters> letters_;  // null where rejected events go nowhere
  std::shared_ptr<Committer> events_;
};

}  // namespace eventcollect::collect
