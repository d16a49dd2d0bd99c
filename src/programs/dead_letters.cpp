#include "programs/dead_letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "eventcollect/objects.hpp"
#include "eventcollect/url.hpp"
#include "objects/letter_sink.hpp"
#include "programs/run.hpp"

namespace eventcollect::programs {
namespace {

constexpr std::string_view option = "--dead-letter";

// Opens a sink when it is written to, so that programs that write no letter do not need its lock.
class LateSink final : public Sink {
 public:
  LateSink(std::string url, Log& log) : url_{std::move(url)}, log_{log} {}

  void write(const Batch& batch, Rejections& rejections) override {
    if (!sink_) sink_ = open_sink_option(option, url_, log_);
    sink_->write(batch, rejections);
  }
  void maintain() override {
    if (sink_) sink_->maintain();
  }

 private:
  const std::string url_;
  Log& log_;
  std::shared_ptr<Sink> sink_;
};

bool is_store(const std::string& url) {
  const auto schemes = known_stores();
  return std::find(schemes.begin(), schemes.end(), Url::parse(url).scheme) != schemes.end();
}

std::shared_ptr<Sink> open_place(const DeadLetterPlace& place, Log& log) {
  if (!place.url.empty()) return open_sink_option(option, dead_letter_url(place.url, log), log);
  if (is_store(place.store)) return std::make_shared<objects::LetterSink>(open_store(place.store));
  return std::make_shared<LateSink>(dead_letter_url(place.fallback, log), log);
}

}  // namespace

std::shared_ptr<Sink> open_dead_letters(const DeadLetterPlace& place, const RetryPolicy& retry,
                                        Log& log, const std::stop_token& stop) {
  const auto say = [&log](const Error& error, std::uint64_t, std::chrono::milliseconds wait) {
    log.say_seldom("dead letters", "error: dead letters: {} (again in {} ms)", error.what(),
                   wait.count());
  };
  return std::make_shared<RetrySink>(open_place(place, log), retry, say, stop);
}

}  // namespace eventcollect::programs
