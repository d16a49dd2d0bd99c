#include "eventcollect/open.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <mutex>

#include "core/built_in.hpp"

namespace eventcollect {
namespace {

class NullSink final : public Sink {
 public:
  void write(const Batch&) override {}
};

std::shared_ptr<Sink> open_null(const Url& url) {
  UrlOptions{url}.finish();
  if (!url.authority.empty() || !url.path.empty()) {
    throw ConfigError{"null: stands alone, without a path"};
  }
  return std::make_shared<NullSink>();
}

// The openers of one kind of thing, by scheme.
template <typename Thing>
class Registry {
 public:
  using Opener = std::function<std::shared_ptr<Thing>(const Url&)>;
  using Openers = std::map<std::string, Opener, std::less<>>;

  Registry(std::string_view what, Openers openers) : what_{what}, openers_{std::move(openers)} {}

  std::shared_ptr<Thing> open(std::string_view text) {
    const Url url = Url::parse(text);
    const Opener opener = find(url.scheme);
    if (!opener) {
      throw ConfigError{fmt::format("no {} is known by the scheme '{}'; known are: {}", what_,
                                    url.scheme, fmt::join(schemes(), ", "))};
    }
    auto thing = opener(url);
    if (!thing) throw ConfigError{fmt::format("the opener of '{}' made no {}", url.scheme, what_)};
    return thing;
  }

  void add(std::string_view scheme, Opener opener) {
    const std::lock_guard lock{mutex_};
    openers_.insert_or_assign(std::string{scheme}, std::move(opener));
  }

  std::vector<std::string> schemes() {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> all;
    all.reserve(openers_.size());
    for (const auto& entry : openers_) all.push_back(entry.first);
    return all;
  }

 private:
  Opener find(std::string_view scheme) {
    const std::lock_guard lock{mutex_};
    const auto found = openers_.find(scheme);
    return found == openers_.end() ? Opener{} : found->second;
  }

  const std::string_view what_;
  std::mutex mutex_;
  Openers openers_;
};

Registry<Sink>& sinks() {
  static Registry<Sink> registry{"sink", {{"null", open_null}, {"file", open_file_sink}}};
  return registry;
}

Registry<Source>& sources() {
  static Registry<Source> registry{"source", {{"file", open_file_source}}};
  return registry;
}

}  // namespace

std::shared_ptr<Sink> open_sink(std::string_view url) { return sinks().open(url); }
void register_sink(std::string_view scheme, SinkOpener opener) {
  sinks().add(scheme, std::move(opener));
}
std::vector<std::string> known_sinks() { return sinks().schemes(); }

std::shared_ptr<Source> open_source(std::string_view url) { return sources().open(url); }
void register_source(std::string_view scheme, SourceOpener opener) {
  sources().add(scheme, std::move(opener));
}
std::vector<std::string> known_sources() { return sources().schemes(); }

}  // namespace eventcollect
