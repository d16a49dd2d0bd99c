// One thread's wait for the answer to its own submission.
#pragma once

#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "eventcollect/collector.hpp"
#include "sink/guard.hpp"

namespace eventcollect::collect {

class Waiter {
 public:
  // To be called once; the waiter has to live until then.
  Completion completion() {
    return [this](const Receipt& receipt, const Error* failure) { settle(receipt, failure); };
  }

  // Throws the failure that the completion is called with.
  Receipt wait() {
    std::unique_lock lock{mutex_};
    settled_.wait(lock, [&] { return is_settled_; });
    if (failure_) throw Error{*failure_};
    return std::move(receipt_);
  }

 private:
  void settle(const Receipt& receipt, const Error* failure) {
    const std::lock_guard lock{mutex_};
    if (failure != nullptr) failure_ = *failure;
    try {
      receipt_ = receipt;
    } catch (const std::bad_alloc&) {
      failure_ = sink::out_of_memory();
    }
    is_settled_ = true;
    settled_.notify_one();  // under the lock: the waiter may be gone once it sees is_settled_
  }

  std::mutex mutex_;
  std::condition_variable settled_;
  bool is_settled_ = false;
  std::optional<Error> failure_;
  Receipt receipt_;
};

}  // namespace eventcollect::collect
