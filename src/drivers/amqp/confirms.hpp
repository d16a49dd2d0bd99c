// What became of the messages of a batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eventcollect::amqp {

// Counts publisher confirms. They come in any order, one by one or for all up to a delivery tag.
class Confirms {
 public:
  // For messages whose delivery tags begin with `first`.
  explicit Confirms(std::uint64_t first) : first_{first} {}

  void sent() { is_settled_.push_back(false); }

  // basic.ack. `tag` 0 with `multiple` means all.
  void accept(std::uint64_t tag, bool multiple) { accepted_ += settle(tag, multiple); }

  // basic.nack.
  void reject(std::uint64_t tag, bool multiple) { rejected_ += settle(tag, multiple); }

  std::size_t sent_count() const { return is_settled_.size(); }
  std::size_t accepted() const { return accepted_; }
  std::size_t rejected() const { return rejected_; }
  bool is_settled() const { return accepted_ + rejected_ == is_settled_.size(); }

 private:
  // How many that settles for the first time.
  std::size_t settle(std::uint64_t tag, bool multiple) {
    if (!multiple) {
      // A broker may confirm what was never sent.
      if (tag < first_ || tag - first_ >= is_settled_.size()) return 0;
      if (is_settled_[tag - first_]) return 0;
      is_settled_[tag - first_] = true;
      return 1;
    }
    const std::size_t end = tag == 0 ? is_settled_.size() : end_of(tag);
    std::size_t count = 0;
    for (; all_before_ < end; ++all_before_) {
      if (!is_settled_[all_before_]) ++count;
      is_settled_[all_before_] = true;
    }
    return count;
  }

  // One behind the message of that tag; 0 for one that is not of this batch.
  std::size_t end_of(std::uint64_t tag) const {
    if (tag < first_) return 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(tag - first_ + 1, is_settled_.size()));
  }

  std::uint64_t first_;
  std::vector<bool> is_settled_;
  std::size_t all_before_ = 0;  // are settled, by a confirm of many
  std::size_t accepted_ = 0;
  std::size_t rejected_ = 0;
};

}  // namespace eventcollect::amqp
