// What the live page costs the thread that writes, for each event, and what an answer to a viewer
// costs: processor time, the median of ROUNDS (by default 100).
//
//   bench_live [ROUNDS]
//
// tests/benchmarks/live.py measures the whole server with ten viewers.
#include <fmt/format.h>
#include <time.h>

#include <cstdlib>
#include <string>

#include "benchmarks/pairs.hpp"
#include "live/recent.hpp"

using namespace eventcollect;

namespace {

constexpr std::size_t events_of_round = 20'000;

double nanoseconds_of_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <typename Work>
double median_nanoseconds(std::size_t rounds, const Work& work) {
  std::vector<double> all;
  for (std::size_t round = 0; round < rounds; ++round) {
    const double begin = nanoseconds_of_thread();
    work();
    all.push_back(nanoseconds_of_thread() - begin);
  }
  return bench::median(all);
}

void measure(std::size_t batch_size, bool is_watched, std::size_t rounds) {
  const Batch batch = bench::make_batches(batch_size, batch_size).front();
  const std::size_t batches = events_of_round / batch_size;
  live::Recent recent;
  std::string out;
  if (is_watched) recent.append_news(out, {}, batch.latest());
  const double noted = median_nanoseconds(rounds, [&] {
    for (std::size_t i = 0; i < batches; ++i) recent.note_stored(batch, {});
  });
  const double answered = median_nanoseconds(rounds, [&] {
    out = "{";
    recent.append_news(out, {}, batch.latest());
    recent.append_counts(out, batch.latest());
  });
  fmt::print("batches of {:>4}, {:<9} {:>6.1f} ns an event; {:.0f} us an answer of {} KiB\n",
             batch_size, is_watched ? "watched" : "unwatched",
             noted / static_cast<double>(batches * batch_size), answered / 1e3, out.size() >> 10);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100;
  for (const std::size_t batch_size : {1u, 16u, 1000u}) {
    measure(batch_size, false, rounds);
    measure(batch_size, true, rounds);
  }
}
