#include "http/response_queue.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <vector>

namespace eventcollect::http {
namespace {

bool is_woken(const ResponseQueue& queue) {
  pollfd descriptor{queue.descriptor(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) == 1;
}

Response response(int status) { return {status, {}, {}}; }

TEST_CASE("answers are taken in order, each once") {
  ResponseQueue queue;
  queue.put({7, 0, response(202)});
  queue.put({8, 0, response(400)});
  std::vector<ResponseQueue::Entry> taken;
  queue.take(taken);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].client == 7);
  CHECK(taken[0].response.status == 202);
  CHECK(taken[1].client == 8);
  CHECK(taken[1].response.status == 400);
  taken.clear();
  queue.take(taken);
  CHECK(taken.empty());
}

TEST_CASE("a loop that is asleep is woken by the first answer, and one that is awake by none") {
  ResponseQueue queue;
  queue.put({1, 0, response(202)});
  CHECK_FALSE(is_woken(queue));
  CHECK_FALSE(queue.fall_asleep());  // there is something to take
  std::vector<ResponseQueue::Entry> taken;
  queue.take(taken);
  taken.clear();

  CHECK(queue.fall_asleep());
  queue.put({2, 0, response(202)});
  CHECK(is_woken(queue));
  queue.clear();
  CHECK_FALSE(is_woken(queue));
  queue.put({3, 0, response(202)});  // the loop is about to take both
  CHECK_FALSE(is_woken(queue));
  queue.take(taken);
  CHECK(taken.size() == 2);
  taken.clear();

  CHECK(queue.fall_asleep());
  queue.take(taken);  // it woke up for another reason
  queue.put({4, 0, response(202)});
  CHECK_FALSE(is_woken(queue));
}

TEST_CASE("a loop can be woken without an answer") {
  ResponseQueue queue;
  CHECK(queue.fall_asleep());
  queue.wake();
  CHECK(is_woken(queue));
  queue.clear();
  CHECK_FALSE(is_woken(queue));
}

}  // namespace
}  // namespace eventcollect::http
