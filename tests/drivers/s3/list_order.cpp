#include "drivers/s3/list_order.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "eventcollect/error.hpp"

namespace eventcollect::test {
namespace {

s3::ListPage page_of(const std::vector<std::string>& keys, std::string next) {
  s3::ListPage page;
  for (const std::string& key : keys) page.objects.push_back({.key = key});
  page.next = std::move(next);
  return page;
}

// What the last page is rejected with; empty if it is taken.
std::string failure_of(s3::ListOrder& order, const s3::ListPage& page) {
  try {
    order.next_token(page);
    return {};
  } catch (const Error& error) {
    CHECK(error.kind() == Error::misconfigured);
    return error.what();
  }
}

}  // namespace

TEST_CASE("pages in order lead on to the last, with empty ones between") {
  s3::ListOrder order{"s3://b/p/", "p/", "p/a"};
  CHECK(order.next_token(page_of({"p/b", "p/c"}, "1")) == "1");
  CHECK(order.next_token(page_of({}, "2")) == "2");
  CHECK(order.next_token(page_of({}, "3")) == "3");
  CHECK(order.next_token(page_of({"p/d"}, "")) == "");
}

TEST_CASE("a list ends with an error where the store repeats the token of a page") {
  s3::ListOrder at_once{"s3://b/p/", "p/", ""};
  at_once.next_token(page_of({}, "again"));
  const std::string said = failure_of(at_once, page_of({}, "again"));
  CHECK(said.find("s3://b/p/") != std::string::npos);
  CHECK(said.find("named before") != std::string::npos);

  s3::ListOrder in_turn{"s3://b/p/", "p/", ""};
  in_turn.next_token(page_of({"p/a"}, "1"));
  in_turn.next_token(page_of({}, "2"));
  CHECK(failure_of(in_turn, page_of({}, "1")) != "");
}

TEST_CASE("a list ends with an error where the store has empty pages without end") {
  s3::ListOrder order{"s3://b/p/", "p/", ""};
  std::size_t pages = 0;
  while (pages < 100'000 && failure_of(order, page_of({}, std::to_string(pages))).empty()) ++pages;
  CHECK(pages == 10'000);
}

TEST_CASE("a list ends with an error where a key is not behind the last, or of another prefix") {
  for (const std::string key : {"p/a", "p/b", "q/x", "p"}) {
    CAPTURE(key);
    s3::ListOrder order{"s3://b/p/", "p/", "p/b"};
    CHECK(failure_of(order, page_of({key}, "")).find("order") != std::string::npos);
  }
}

}  // namespace eventcollect::test
