#include "collect/ingest_letters.hpp"

#include <new>
#include <string>
#include <utility>

#include "collect/sink_claim.hpp"
#include "sink/letter.hpp"

namespace eventcollect::collect {

using sink::complete_letter;
using sink::letter_event;
using sink::letter_head;

namespace {

// About what a letter has beside the rejected text.
constexpr std::size_t head_bytes = 256;

std::size_t expected_bytes(const Rejection& rejection) { return head_bytes + rejection.raw.size(); }

// Takes letters whose line is their head and whose properties are the rejected text as it came, and
// writes them completed.
class CompletingSink final : public Sink {
 public:
  CompletingSink(std::shared_ptr<Sink> inner, std::shared_ptr<LetterRate> rate)
      : inner_{std::move(inner)}, rate_{std::move(rate)} {}

  void write(const Batch& heads, Rejections& rejections) override {
    letters_.clear();
    for (const Event& head : heads) append(head);
    inner_->write(letters_, rejections);
  }

  void maintain() override { inner_->maintain(); }

 private:
  void append(const Event& head) {
    line_ = head.line;
    complete_letter(line_, head.properties);
    // Escapes may make the text up to six times as long.
    const std::size_t expected = head_bytes + head.properties.size();
    if (line_.size() > expected) rate_->charge(line_.size() - expected);
    letters_.append(letter_event(head.id, head.server_time, line_, line_));
  }

  const SinkClaim inner_;
  const std::shared_ptr<LetterRate> rate_;
  Batch letters_;
  std::string line_;
};

}  // namespace

IngestLetters::IngestLetters(const std::shared_ptr<Sink>& sink, std::size_t max_bytes_per_minute,
                             Committer::Options options)
    : rate_{std::make_shared<LetterRate>(max_bytes_per_minute)},
      committer_{
          Committer::start(std::make_shared<CompletingSink>(sink, rate_), std::move(options))} {}

void IngestLetters::add(TimePoint now, std::span<const Rejection> rejections) noexcept {
  std::size_t over_rate = 0;
  try {
    Batch heads;
    for (const Rejection& rejection : rejections) {
      if (!rate_->take(now, expected_bytes(rejection))) {
        ++over_rate;
        continue;
      }
      const Uuid id = mint_uuid(now);
      heads.append(letter_event(id, now, letter_head(id, now, DeadLetterOrigin::ingest, rejection),
                                rejection.raw));
    }
    // Whether they fit is counted there.
    if (!heads.empty()) committer_->submit(heads, OnFailure::drop, {}, SteadyTime::max());
  } catch (const std::bad_alloc&) {
    committer_->count_lost(rejections.size() - over_rate);
  }
  over_rate_.fetch_add(over_rate, std::memory_order_relaxed);
}

}  // namespace eventcollect::collect
