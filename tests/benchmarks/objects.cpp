// What archiving costs against ISA-L alone, at its level 1, on the same bytes and one core.
//
//   build/release/bin/bench_objects [PAIRS] [DIRECTORY]
//
// `sink` is ObjectSink on `dir:`: the events of a batch are partitioned by the hour, gzipped,
// written and synced. `ISA-L` only compresses the same lines in memory; `file` also writes and
// syncs what it made of each batch. `pump` is all of eventcollect-archive: it reads the lines of a
// FileSink's directory, checks each to be an event, and then does what the sink does. Times are
// those of the CPU (of all threads) and of the clock; ratios are to ISA-L, and to `file`.
#include <fcntl.h>
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/pairs.hpp"
#include "eventcollect/dir.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/pump.hpp"
#include "support/writing.hpp"

namespace {

using namespace eventcollect;
using test::write;
using namespace eventcollect::bench;

constexpr std::size_t batch_events = 100'000;
constexpr std::size_t batches_per_run = 4;

// Events that differ as those of a site do.
std::vector<Batch> varied_batches() {
  std::vector<Batch> batches(batches_per_run);
  Parser parser;
  std::vector<Rejection> rejected;
  std::uint32_t state = 1;
  const auto random = [&](std::uint32_t below) {
    state = state * 1'664'525 + 1'013'904'223;
    return (state >> 8) % below;
  };
  for (Batch& batch : batches) {
    for (std::size_t i = 0; i < batch_events; ++i) {
      const std::string text = fmt::format(
          R"({{"event":"clicked_event","url":"https://www.example.com/blog/{}","properties":)"
          R"({{"element":"button","text":"Read more","section":"{}","href":"/pricing","x":{},)"
          R"("y":{},"scroll_depth":0.{},"clickable":true,"viewport":"1440x900"}}}})",
          random(2000), random(2) == 0 ? "hero" : "footer", random(1440), random(9000),
          random(100));
      parser.parse(text, BodyFormat::json, {system_clock().now(), {}}, {}, batch, rejected);
    }
  }
  if (!rejected.empty()) throw std::logic_error{"the event is not acceptable"};
  return batches;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Cost {
  double wall = 0;
  double cpu = 0;
};

template <typename Work>
Cost cost_of(const Work& work) {
  const double cpu = cpu_seconds();
  const double wall = seconds_of(work);
  return {wall, cpu_seconds() - cpu};
}

class Isal {
 public:
  Isal() : level_buffer_(ISAL_DEF_LVL1_DEFAULT) {}

  // Into memory, or where a path is given into files.
  Cost compress(const std::vector<Batch>& batches, const std::string& path = {}) {
    return cost_of([&] {
      for (const Batch& batch : batches) {
        const std::string_view gzipped = compress(batch.ndjson());
        if (!path.empty()) write(gzipped, path);
      }
    });
  }

 private:
  static void write(std::string_view data, const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::write(file, data.data(), data.size()) != static_cast<ssize_t>(data.size())) std::abort();
    ::fdatasync(file);
    ::close(file);
  }

  std::string_view compress(std::string_view data) {
    out_.resize(std::max(out_.size(), data.size() / 2 + 1000));
    isal_zstream stream{};
    isal_deflate_init(&stream);
    stream.level = 1;
    stream.level_buf = level_buffer_.data();
    stream.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<std::uint32_t>(data.size());
    stream.next_out = reinterpret_cast<std::uint8_t*>(out_.data());
    stream.avail_out = static_cast<std::uint32_t>(out_.size());
    if (isal_deflate(&stream) != COMP_OK || stream.avail_in > 0) std::abort();
    return std::string_view{out_}.substr(0, out_.size() - stream.avail_out);
  }

  std::vector<std::uint8_t> level_buffer_;
  std::string out_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 11;
  const std::string directory =
      (std::filesystem::path{argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string()} /
       "bench_objects")
          .string();
  std::filesystem::remove_all(directory);
  const std::vector<Batch> batches = varied_batches();
  std::size_t bytes = 0;
  for (const Batch& batch : batches) bytes += batch.bytes();
  {
    FileSink files{directory + "/events", {.rotate_bytes = std::uint64_t{16} << 20}};
    for (const Batch& batch : batches) write(files, batch);
  }
  FileSink{directory + "/events"};  // seals the last file

  Isal isal;
  enum Way { memory, file, sink, whole, ways };
  std::vector<Cost> costs[ways];
  ObjectSink objects{std::make_shared<DirStore>(directory + "/objects")};
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    costs[memory].push_back(isal.compress(batches));
    costs[sink].push_back(cost_of([&] {
      for (const Batch& batch : batches) write(objects, batch);
    }));
    costs[file].push_back(isal.compress(batches, directory + "/file.gz"));
    std::filesystem::remove(directory + "/events/reader.cursor");
    costs[whole].push_back(cost_of([&] {
      FileSource source{directory + "/events", {.follow = false}};
      pump(source, objects, {.max_events = batch_events});
    }));
  }
  const auto ratio = [&](Way of, Way to, double Cost::*what) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < pairs; ++i)
      ratios.push_back(costs[to][i].*what / (costs[of][i].*what));
    return median(std::move(ratios));
  };
  fmt::print("{} events, {:.0f} MB a run\n", batches_per_run * batch_events,
             static_cast<double>(bytes) / 1e6);
  fmt::print("        CPU MB/s   to ISA-L: CPU  clock   to file: CPU  clock\n");
  constexpr std::string_view names[ways] = {"ISA-L", "file", "sink", "pump"};
  for (const Way way : {memory, file, sink, whole}) {
    std::vector<double> rates;
    for (const Cost& cost : costs[way])
      rates.push_back(static_cast<double>(bytes) / cost.cpu / 1e6);
    fmt::print("{:<6} {:>9.0f} {:>15.2f} {:>6.2f} {:>14.2f} {:>6.2f}\n", names[way], median(rates),
               ratio(way, memory, &Cost::cpu), ratio(way, memory, &Cost::wall),
               ratio(way, file, &Cost::cpu), ratio(way, file, &Cost::wall));
  }
  std::filesystem::remove_all(directory);
}
