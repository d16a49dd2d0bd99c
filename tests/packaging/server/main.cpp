#include <eventcollect/server.hpp>

int main(int argc, char** argv) { return eventcollect::server_main(argc, argv); }
