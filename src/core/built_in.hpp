// The drivers that need no library and are therefore part of the core. They stand above open.hpp,
// which must not include them: so it knows them by this declaration alone.
#pragma once

#include <memory>

#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

std::shared_ptr<Sink> open_file_sink(const Url& url);
std::shared_ptr<Source> open_file_source(const Url& url);

}  // namespace eventcollect
