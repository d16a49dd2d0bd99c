// What an outage of the sink costs, and how fast what was kept is stored afterwards.
//
//   bench_outage [EVENTS] [ROUNDS]        by default 100000 and 5
//
// Each round has EVENTS tracked into a `file:` sink that works (healthy), and as many into one that
// is down, which is then mended (drain) while a client sends one event after the other. Bounded
// are: drain / healthy, at least 0.5; a call of track() at the end of the outage / one at its
// beginning, medians of a tenth of all in processor time, at most 1.2. The folder is below the
// system's directory for temporary files (TMPDIR).
#include <fmt/format.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "eventcollect/collector.hpp"
#include "eventcollect/file.hpp"
#include "support/directory.hpp"

using namespace eventcollect;
using bench::median;

namespace {

using SteadyClock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t calls_of_block = 1'000;

// Stores what `file:` would, or is down.
class BreakableSink final : public Sink {
 public:
  explicit BreakableSink(const std::string& directory) : file_{directory} {}

  void break_down() { is_down_ = true; }
  void mend() { is_down_ = false; }
  std::uint64_t calls() const { return calls_; }

  void write(const Batch& batch, Rejections& rejections) override {
    call();
    file_.write(batch, rejections);
  }
  void maintain() override {
    call();
    file_.maintain();
  }

 private:
  void call() {
    ++calls_;
    if (is_down_) throw Error{Error::unavailable, "told to be down"};
  }

  FileSink file_;
  std::atomic<bool> is_down_{false};
  std::atomic<std::uint64_t> calls_{0};
};

double seconds_since(SteadyClock::time_point begin) {
  return Seconds{SteadyClock::now() - begin}.count();
}

CollectorOptions options() {
  CollectorOptions options;
  options.max_queue_bytes = std::size_t{1} << 30;
  return options;
}

Ticket track(Collector& collector) {
  return collector.track(
      "clicked_event",
      {{"element", "button"}, {"text", "Read more"}, {"x", 412}, {"href", "/pricing"}});
}

// The events that are stored in a second.
double healthy_rate(std::size_t events) {
  const test::TemporaryDirectory directory;
  Collector collector{std::make_shared<FileSink>(directory.path()), options()};
  const auto begin = SteadyClock::now();
  for (std::size_t i = 0; i < events; ++i) track(collector);
  if (!collector.close(std::chrono::minutes{1})) throw std::runtime_error{"events were lost"};
  return static_cast<double>(events) / seconds_since(begin);
}

struct Outage {
  double rate;  // events that are stored in a second afterwards
  double first_submit_microseconds;
  double submit_growth;  // of the last calls against the first
  std::uint64_t calls;   // of the sink while it was down
  double outage_seconds;
  std::vector<double> request_milliseconds;  // those answered while it drained
};

// Of this thread alone, since the machine may have other work.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Microseconds of processor time of a call, block by block.
std::vector<double> track_all(Collector& collector, std::size_t events) {
  std::vector<double> blocks;
  for (std::size_t done = 0; done < events; done += calls_of_block) {
    const double begin = cpu_seconds();
    for (std::size_t i = 0; i < calls_of_block; ++i) track(collector);
    blocks.push_back(1e6 * (cpu_seconds() - begin) / calls_of_block);
  }
  return blocks;
}

Outage outage(std::size_t events) {
  const test::TemporaryDirectory directory;
  const auto sink = std::make_shared<BreakableSink>(directory.path());
  sink->break_down();
  Collector collector{sink, options()};
  while (collector.statistics().sink.failures[Error::unavailable] == 0) std::this_thread::yield();

  Outage result{};
  const auto broken = SteadyClock::now();
  const std::vector<double> blocks = track_all(collector, events);
  result.outage_seconds = seconds_since(broken);
  result.calls = sink->calls();
  const auto tenth = static_cast<std::ptrdiff_t>(std::max<std::size_t>(blocks.size() / 10, 1));
  result.first_submit_microseconds = median({blocks.begin(), blocks.begin() + tenth});
  result.submit_growth =
      median({blocks.end() - tenth, blocks.end()}) / result.first_submit_microseconds;

  sink->mend();
  while (!collector.ready()) std::this_thread::yield();
  const auto mended = SteadyClock::now();
  while (collector.statistics().sink.events_stored < events + result.request_milliseconds.size()) {
    const auto sent = SteadyClock::now();
    collector.collect(bench::demo_event);
    result.request_milliseconds.push_back(1e3 * seconds_since(sent));
  }
  result.rate = static_cast<double>(events) / seconds_since(mended);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t events = argc > 1 ? std::stoul(argv[1]) : 100'000;
  const std::size_t rounds = argc > 2 ? std::stoul(argv[2]) : 5;
  std::vector<double> healthy, drain, ratios, growths, first, requests;
  std::uint64_t calls = 0;
  double seconds = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    healthy.push_back(healthy_rate(events));
    const Outage one = outage(events);
    drain.push_back(one.rate);
    ratios.push_back(one.rate / healthy.back());
    growths.push_back(one.submit_growth);
    first.push_back(one.first_submit_microseconds);
    requests.insert(requests.end(), one.request_milliseconds.begin(),
                    one.request_milliseconds.end());
    calls += one.calls;
    seconds += one.outage_seconds;
  }
  fmt::print("healthy                {:.0f} events/s\n", median(healthy));
  fmt::print("drain                  {:.0f} events/s\n", median(drain));
  fmt::print("drain / healthy        {:.2f}\n", median(ratios));
  fmt::print("last / first track()   {:.2f} (first {:.2f} us)\n", median(growths), median(first));
  fmt::print("requests while draining: {} answered, median {:.2f} ms\n", requests.size(),
             median(requests));
  fmt::print("sink calls while down:   {} in {:.2f} s\n", calls, seconds);
}
