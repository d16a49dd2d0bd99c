// `file:DIR` as a sink and as a source.
#pragma once

#include <memory>
#include <string>

#include "eventcollect/file.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::file {

// What a URL of the scheme says. Throw ConfigError where it is malformed.
std::string directory_of(const Url& url);
FileSinkOptions sink_options(const Url& url);

// Throw ConfigError where the URL is malformed, and what the constructors of FileSink and
// FileSource throw.
std::shared_ptr<Sink> open_sink(const Url& url);
std::shared_ptr<Source> open_source(const Url& url);

}  // namespace eventcollect::file
