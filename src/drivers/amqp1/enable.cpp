#include "drivers/amqp1/options.hpp"
#include "eventcollect/amqp1.hpp"
#include "eventcollect/registry.hpp"

namespace eventcollect {

void enable_amqp1() {
  for (const char* scheme : {"amqp1", "amqp1s"}) {
    register_sink(
        scheme, [](const Url& url) { return std::make_shared<Amqp1Sink>(amqp1::options_of(url)); });
    register_source(scheme, [](const Url& url) {
      return std::make_shared<Amqp1Source>(amqp1::options_of(url));
    });
  }
}

}  // namespace eventcollect
