// What the library tells an operator.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "eventcollect/notice.hpp"

namespace eventcollect::test {

// Takes the notices of the whole process while it lives.
class Notices {
 public:
  Notices() {
    set_notice_handler([this](std::string_view notice) {
      const std::lock_guard lock{mutex_};
      all_.emplace_back(notice);
    });
  }
  ~Notices() { set_notice_handler({}); }
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  std::vector<std::string> all() const {
    const std::lock_guard lock{mutex_};
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

}  // namespace eventcollect::test
