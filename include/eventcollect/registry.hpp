// Sinks and sources of your own, by the scheme of a URL.
//
//   register_sink("mydb", [](const Url& url) { return std::make_shared<MySink>(url.path); });
//
// open.hpp opens them by URL.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

// Makes a sink or a source of a URL; never null. Throws ConfigError where the URL is wrong, and
// Error where it cannot be opened.
using SinkOpener = std::function<std::shared_ptr<Sink>(const Url&)>;
using SourceOpener = std::function<std::shared_ptr<Source>(const Url&)>;

// Makes `scheme` (in lower case) known to open_sink or open_source from now on, in place of any
// opener that it had. Safe from any thread.
void register_sink(std::string_view scheme, SinkOpener opener);
void register_source(std::string_view scheme, SourceOpener opener);

}  // namespace eventcollect
