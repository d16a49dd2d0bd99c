#include "eventcollect/tee.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "sink/guard.hpp"

namespace eventcollect {

using sink::checked_write;
using sink::guard;

namespace {

template <typename Call>
void for_each_branch(const std::vector<std::shared_ptr<Sink>>& branches, Call&& call) {
  std::optional<Error> worst;
  for (const auto& branch : branches) {
    auto error = guard([&] { call(*branch); });
    if (!error) continue;
    const bool worse =
        error->kind() == Error::in_doubt && (!worst || worst->kind() != Error::in_doubt);
    if (!worst || worse) worst = std::move(error);
  }
  if (worst) throw Error{*worst};
}

}  // namespace

TeeSink::TeeSink(std::vector<std::shared_ptr<Sink>> branches) : branches_{std::move(branches)} {
  if (branches_.empty() || std::count(branches_.begin(), branches_.end(), nullptr) != 0) {
    throw std::invalid_argument{"a TeeSink needs at least one branch, and none that is null"};
  }
}

void TeeSink::write(const Batch& batch, Rejections& rejections) {
  for_each_branch(branches_, [&](Sink& branch) {
    Rejections of_branch;
    checked_write(branch, batch, of_branch);
    rejections.add(of_branch);
  });
}

void TeeSink::maintain() {
  for_each_branch(branches_, [](Sink& branch) { branch.maintain(); });
}

}  // namespace eventcollect
