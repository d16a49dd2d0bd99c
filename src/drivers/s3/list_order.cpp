#include "drivers/s3/list_order.hpp"

#include <fmt/format.h>

#include <utility>

#include "eventcollect/error.hpp"

namespace eventcollect::s3 {
namespace {

// S3 gives an empty page where it met only what was deleted, and looks at 1,000 versions for each.
constexpr std::size_t max_empty_pages = 10'000;

}  // namespace

ListOrder::ListOrder(std::string place, std::string prefix, std::string after)
    : place_{std::move(place)}, prefix_{std::move(prefix)}, last_{std::move(after)} {}

const std::string& ListOrder::next_token(const ListPage& page) {
  for (const ObjectInfo& object : page.objects) check_key(object.key);
  if (!page.objects.empty()) tokens_.clear();
  if (!page.next.empty()) check_token(page.next);
  return page.next;
}

void ListOrder::check_key(const std::string& key) {
  if (key <= last_ || !key.starts_with(prefix_)) {
    fail("the store does not list in the order of the keys, or not from where it was asked to");
  }
  last_ = key;
}

// With keys in order, only pages without one could go on for ever.
void ListOrder::check_token(const std::string& token) {
  if (!tokens_.insert(token).second) {
    fail("the store names a page as the next that it has named before");
  }
  if (tokens_.size() > max_empty_pages) {
    fail(fmt::format("more than {} pages in a row are empty", max_empty_pages));
  }
}

void ListOrder::fail(std::string_view why) const {
  throw Error{Error::misconfigured, fmt::format("s3: cannot list {}: {}", place_, why)};
}

}  // namespace eventcollect::s3
