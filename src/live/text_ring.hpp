// The newest of many texts, in memory that never grows.
//
//   TextRing ring{200, 512 << 10};
//   ring.add(line);
//   for (std::uint64_t i = 0; i < ring.kept(); ++i) use(ring.newest(i));
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eventcollect::live {

// Allocates only when it is made. One thread at a time.
class TextRing {
 public:
  TextRing(std::size_t max_texts, std::size_t max_bytes)
      : slots_(max_texts), bytes_(max_bytes, 0) {}

  // Copies the text into the place of the oldest ones. One that is larger than all of the memory is
  // passed over.
  void add(std::string_view text);

  // Counts texts that are not kept, between those before and those after.
  void pass_over(std::uint64_t texts) { added_ += texts; }

  std::uint64_t added() const { return added_; }
  std::size_t kept() const { return kept_; }

  struct Text {
    std::uint64_t number = 0;  // the first that was added has 1
    std::string_view text{};   // lives until the next one is added
  };

  // The newest text is 0, the oldest kept() - 1.
  Text newest(std::size_t place) const;

 private:
  // Where a text lies, counted in bytes since the beginning: modulo the memory's size it is a place
  // in the memory.
  struct Slot {
    std::uint64_t number = 0;
    std::uint64_t begin = 0;
    std::size_t bytes = 0;
  };

  std::vector<Slot> slots_;
  std::string bytes_;
  std::uint64_t added_ = 0;
  std::uint64_t end_ = 0;
  std::size_t next_ = 0;  // the slot of the next text
  std::size_t kept_ = 0;
};

}  // namespace eventcollect::live
