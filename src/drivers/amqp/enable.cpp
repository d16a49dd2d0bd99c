#include "drivers/amqp/options.hpp"
#include "eventcollect/amqp.hpp"
#include "eventcollect/registry.hpp"

namespace eventcollect {

void enable_amqp() {
  for (const char* scheme : {"amqp", "amqps"}) {
    register_sink(scheme, [](const Url& url) {
      return std::make_shared<AmqpSink>(amqp::sink_options_of(url));
    });
    register_source(scheme, [](const Url& url) {
      return std::make_shared<AmqpSource>(amqp::source_options_of(url));
    });
  }
}

}  // namespace eventcollect
