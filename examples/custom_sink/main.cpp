// eventcollect-server with a sink of your own: here one that prints events by their name's initial.
//
//   custom_sink --to initials:abc          stores events whose name begins with a, b or c
#include <iostream>

#include "eventcollect/eventcollect.hpp"
#include "eventcollect/server.hpp"

struct InitialsSink : eventcollect::Sink {
  explicit InitialsSink(std::string initials_) : initials{std::move(initials_)} {}

  void write(const eventcollect::Batch& batch, eventcollect::Rejections& rejections) override {
    for (const eventcollect::Event& event : batch) {
      if (initials.find(event.name.front()) == std::string::npos) {
        rejections.add(event, "the name has another initial");
      } else {
        std::cout << event.line << '\n';
      }
    }
    if (!std::cout.flush()) {
      throw eventcollect::Error{eventcollect::Error::in_doubt, "standard output failed"};
    }
  }

  std::string initials;
};

int main(int argc, char** argv) {
  eventcollect::register_sink("initials", [](const eventcollect::Url& url) {
    return std::make_shared<InitialsSink>(url.path);
  });
  return eventcollect::server_main(argc, argv);
}
