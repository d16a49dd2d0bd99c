#include "contract/sink_contract.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

// Follows what a good store would hold, and compares.
class Examiner {
 public:
  explicit Examiner(Bench& bench) : bench_{bench} { reopen(); }

  void reopen() {
    sink_.reset();
    sink_ = bench_.open();
  }

  void write(const Batch& batch) {
    test::write(*sink_, batch);
    for (const std::string& line : lines_of(batch.ndjson())) expected_.push_back(line);
  }

  // A second delivery, which an idempotent store does not show.
  void write_again(const Batch& batch) {
    const auto before = expected_;
    write(batch);
    if (bench_.is_idempotent()) expected_ = before;
  }

  void maintain() { sink_->maintain(); }

  void compare(const std::string& when) {
    const auto found = bench_.durable_lines();
    if (found == expected_) return;
    std::map<std::string, int> balance;
    for (const auto& line : expected_) ++balance[line];
    for (const auto& line : found) --balance[line];
    const auto any = [&](auto&& test) {
      return std::any_of(balance.begin(), balance.end(),
                         [&](auto& entry) { return test(entry.second); });
    };
    const bool missing = any([](int count) { return count > 0; });
    const bool surplus = any([](int count) { return count < 0; });
    if (missing) broken_.push_back("events are not durable " + when);
    if (surplus) broken_.push_back("there are events that nobody wrote, or too often, " + when);
    if (!missing && !surplus) broken_.push_back("events are out of order " + when);
  }

  std::vector<std::string> broken() const { return broken_; }

 private:
  Bench& bench_;
  std::shared_ptr<Sink> sink_;
  std::vector<std::string> expected_;
  std::vector<std::string> broken_;
};

std::string large_event() {
  const std::string head = R"({"event":"large","properties":{"text":")";
  const std::string tail = R"("}})";
  return head + std::string((64 << 10) - head.size() - tail.size(), 'x') + tail;
}

}  // namespace

std::vector<std::string> violations(Bench& bench) {
  Examiner examiner{bench};
  examiner.write(numbered_batch("first", 1));
  examiner.compare("after one event");
  for (int i = 0; i < 20; ++i) {
    examiner.write(numbered_batch("small" + std::to_string(i) + "-", 3));
    examiner.compare("after a small batch");
  }
  examiner.write(
      batch_of({R"({"event":"unicode","url":"https://例え.jp/ü?q=🙂",)"
                R"("properties":{"ключ":"значение","emoji":"🙂","quote":"\"\\\n"}})",
                R"({"event":"e"})", large_event()}));
  examiner.compare("after unicode, the smallest and the largest event");
  examiner.maintain();
  examiner.compare("after maintain");
  examiner.write(numbered_batch("many", 10'000));
  examiner.compare("after a batch of 10,000 events");

  const Batch again = numbered_batch("again", 5);
  examiner.write(again);
  examiner.write_again(again);
  examiner.compare("after a batch was written twice");
  examiner.reopen();
  examiner.compare("after the sink was opened again");
  examiner.write(numbered_batch("reopened", 2));
  examiner.maintain();
  examiner.compare("after a write by the sink that was opened again");
  return examiner.broken();
}

}  // namespace eventcollect::test
