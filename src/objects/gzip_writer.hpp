// Gzip (RFC 1952) for objects: fast rather than small. ISA-L where it was found, else zlib at
// level 1.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace eventcollect::objects {

// One gzip member after the other. One thread at a time.
class GzipWriter {
 public:
  GzipWriter();
  ~GzipWriter();

  // Appends to `out` what is ready of the compressed `data`.
  void write(std::string_view data, std::string& out);

  // Appends the rest and ends the member; the next write() begins another.
  void finish(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventcollect::objects
