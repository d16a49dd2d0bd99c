// Everything that collecting events takes. The adapters to web frameworks, the server and the
// metrics have headers of their own: httplib.hpp, server.hpp, metrics.hpp.
#pragma once

#include "eventcollect/batch.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/collector.hpp"
#include "eventcollect/dead_letter.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/event.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/memory.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/parser.hpp"
#include "eventcollect/properties.hpp"
#include "eventcollect/rules.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/statistics.hpp"
#include "eventcollect/tee.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/uuid.hpp"
#include "eventcollect/version.hpp"
