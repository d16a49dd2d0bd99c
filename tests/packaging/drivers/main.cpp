// A program that opens what it is told to by URL.
#include <eventcollect/drivers.hpp>
#include <eventcollect/open.hpp>
#include <iostream>

int main() {
  eventcollect::enable_drivers();
  for (const auto& scheme : eventcollect::known_sinks()) std::cout << scheme << '\n';
}
