// A program of somebody who uses the core, as it is installed.
#include <eventcollect/eventcollect.hpp>
#include <iostream>

int main() { std::cout << eventcollect::version << '\n'; }
