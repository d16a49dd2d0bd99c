#include "collect/receipts.hpp"

#include <algorithm>

namespace eventcollect::collect {

Receipt receipt_of(const std::vector<Rejection>& by_rules, std::size_t accepted) {
  Receipt receipt;
  receipt.accepted = accepted;
  receipt.rejected = by_rules.size();
  for (const Rejection& one : by_rules) {
    if (receipt.rejections.size() == Receipt::max_listed) break;
    // Without the raw bytes, which the sender has.
    receipt.rejections.push_back({.index = one.index,
                                  .event_id = one.event_id,
                                  .code = one.code,
                                  .pointer = one.pointer,
                                  .message = one.message});
  }
  return receipt;
}

void add_rejections(Receipt& receipt, std::span<const Rejection> by_sink,
                    std::span<const std::size_t> by_rules) {
  receipt.accepted -= by_sink.size();
  receipt.rejected += by_sink.size();
  auto& listed = receipt.rejections;
  const auto listed_by_rules = static_cast<std::ptrdiff_t>(listed.size());
  std::size_t skipped = 0;  // events of the request before this one that the rules rejected
  for (const Rejection& one : by_sink.first(std::min(by_sink.size(), Receipt::max_listed))) {
    while (skipped < by_rules.size() && by_rules[skipped] <= one.index + skipped) ++skipped;
    listed.push_back(one);
    listed.back().index += skipped;
  }
  std::inplace_merge(listed.begin(), listed.begin() + listed_by_rules, listed.end(),
                     [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  if (listed.size() > Receipt::max_listed) listed.resize(Receipt::max_listed);
}

}  // namespace eventcollect::collect
