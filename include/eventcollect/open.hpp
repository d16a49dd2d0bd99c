// Sinks and sources by name, so that the same program runs on one machine and on many.
//
//   std::shared_ptr<Sink> sink = open_sink("file:events?rotate_bytes=64MiB");
//   std::shared_ptr<Source> source = open_source("amqp://localhost/?queue=events");
//
// Built in are `file:DIR`, both ways (see file.hpp), and `null:`, a sink that stores nothing and
// always succeeds. Each driver adds its own when its enable_…() was called (see drivers.hpp), and
// you add yours with register_sink (see registry.hpp).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/registry.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"

namespace eventcollect {

// Opens the sink that `url` names. Never null. Throws ConfigError for an unknown scheme (listing
// the known ones) or option, and whatever else the opener throws. Safe from any thread.
std::shared_ptr<Sink> open_sink(std::string_view url);

// The schemes that open_sink knows, sorted. Safe from any thread.
std::vector<std::string> known_sinks();

// The same for sources.
std::shared_ptr<Source> open_source(std::string_view url);
std::vector<std::string> known_sources();

}  // namespace eventcollect
