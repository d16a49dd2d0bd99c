// The memory that a call needs to take events in, kept from one call to the next.
#pragma once

#include <memory>
#include <vector>

#include "eventcollect/batch.hpp"
#include "eventcollect/parser.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect::collect {

struct Workspace {
  Parser parser;
  Batch batch;
  std::vector<Rejection> rejections;
};

// An empty workspace: this thread's own, or a new one where that is in use by a call around this
// one, or where the thread ends and its objects with it.
class WorkspaceLease {
 public:
  WorkspaceLease();
  WorkspaceLease(const WorkspaceLease&) = delete;
  WorkspaceLease& operator=(const WorkspaceLease&) = delete;
  ~WorkspaceLease();

  Workspace& operator*() const { return *space_; }

 private:
  std::unique_ptr<Workspace> space_;
};

}  // namespace eventcollect::collect
