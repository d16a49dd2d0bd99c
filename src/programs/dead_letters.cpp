#include "programs/dead_letters.hpp"

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

}  // namespace

std::shared_ptr<Sink> open_dead_letters(const std::string& url, const std::string& place,
                                        const std::string& fallback, Log& log) {
  if (!url.empty()) return open_sink_option(option, dead_letter_url(url, log), log);
  if (is_store(place)) return std::make_shared<objects::LetterSink>(open_store(place));
  return std::make_shared<LateSink>(dead_letter_url(fallback, log), log);
}

}  // namespace eventcollect::programs
