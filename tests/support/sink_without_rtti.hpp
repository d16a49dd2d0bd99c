// A sink that was compiled with -fno-rtti, as some users compile all that is theirs.
#pragma once

#include <memory>

#include "eventcollect/sink.hpp"

namespace eventcollect::test {

// It stores nothing.
std::shared_ptr<Sink> make_sink_without_rtti();

}  // namespace eventcollect::test
