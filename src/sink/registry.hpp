// What is known by a URL's scheme: sinks, sources, stores.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventcollect/registry.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::sink {

// The openers of one kind of thing, by scheme. Safe from any thread.
template <typename Thing>
class Registry {
 public:
  using Opener = std::function<std::shared_ptr<Thing>(const Url&)>;

  explicit Registry(std::string_view what) : what_{what} {}

  // Opens what the URL `text` names. Throws ConfigError for an unknown scheme, and whatever the
  // opener throws.
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

  // In place of any opener that the scheme had.
  void add(std::string_view scheme, Opener opener) {
    const std::lock_guard lock{mutex_};
    openers_.insert_or_assign(std::string{scheme}, std::move(opener));
  }

  // The same, but an opener that is there already stays.
  void add_missing(std::string_view scheme, Opener opener) {
    const std::lock_guard lock{mutex_};
    openers_.try_emplace(std::string{scheme}, std::move(opener));
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
  std::map<std::string, Opener, std::less<>> openers_;
};

// Those of the process.
Registry<Sink>& sink_registry();
Registry<Source>& source_registry();

}  // namespace eventcollect::sink
