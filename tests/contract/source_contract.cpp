#include "contract/source_contract.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "support/events.hpp"

namespace eventcollect::test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto long_enough = 30s;  // for a real server under load; only a failure waits for it
constexpr auto short_while = 50ms;

class Examiner {
 public:
  explicit Examiner(SourceBench& bench) : bench_{bench} { reopen(); }

  void reopen() {
    source_.reset();
    source_ = bench_.open();
    delivery_.clear();
  }

  void put(const Batch& batch) {
    bench_.put(batch);
    for (std::string& line : lines_of(batch.ndjson())) expected_.push_back(std::move(line));
  }

  // Reads until there are `count` events, or as many as are expected.
  void read(const std::string& when, std::size_t count = 0, std::size_t max_events = 10'000) {
    if (count == 0) count = expected_.size();
    const auto deadline = steady_clock::now() + long_enough;
    while (delivery_.batch.size() < count && steady_clock::now() < deadline) {
      if (!source_->read(delivery_, {.wait = short_while, .max_events = max_events})) break;
    }
    compare(when, count);
  }

  void acknowledge() {
    source_->acknowledge(delivery_);
    const auto end = expected_.begin() + static_cast<std::ptrdiff_t>(delivery_.batch.size());
    expected_.erase(expected_.begin(), end);
    delivery_.clear();
  }

  void expect_nothing(const std::string& when) {
    source_->read(delivery_, {.wait = short_while});
    if (!delivery_.empty()) broken_.push_back("something came that was acknowledged, " + when);
  }

  void expect_at_most(std::size_t count, const std::string& when) {
    if (delivery_.batch.size() > count) broken_.push_back("more came than was asked for " + when);
  }

  std::vector<std::string> broken() const { return broken_; }

 private:
  void compare(const std::string& when, std::size_t count) {
    auto found = lines_of(delivery_.batch.ndjson());
    const std::vector<std::string> expected{
        expected_.begin(),
        expected_.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), expected_.size()))};
    if (!delivery_.rejections.empty()) broken_.push_back("good events were unreadable " + when);
    if (found.size() < count) broken_.push_back("events did not come " + when);
    if (found != expected) broken_.push_back("other events came, or in another order, " + when);
  }

  SourceBench& bench_;
  std::shared_ptr<Source> source_;
  Delivery delivery_;
  std::vector<std::string> expected_;
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> source_violations(SourceBench& bench) {
  Examiner examiner{bench};
  examiner.expect_nothing("before there was anything");
  examiner.put(numbered_batch("first", 1));
  examiner.read("after one event");
  examiner.acknowledge();
  examiner.expect_nothing("after one event");

  examiner.put(batch_of({R"({"event":"unicode","properties":{"ключ":"🙂","quote":"\"\\\n"}})",
                         R"({"event":"e"})"}));
  examiner.put(numbered_batch("small", 10));
  examiner.read("after some", 3, 3);
  examiner.expect_at_most(3, "after some");
  examiner.acknowledge();
  examiner.read("after the rest of some");
  examiner.reopen();
  examiner.read("after it was opened again without an acknowledgement");
  examiner.acknowledge();

  examiner.put(numbered_batch("many", 10'000));
  examiner.read("of 10,000");
  examiner.acknowledge();
  examiner.reopen();
  examiner.expect_nothing("after it was opened again with all acknowledged");
  examiner.put(numbered_batch("last", 2));
  examiner.read("after that");
  examiner.acknowledge();
  return examiner.broken();
}

}  // namespace eventcollect::test
