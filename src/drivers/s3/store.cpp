#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "drivers/s3/answers.hpp"
#include "drivers/s3/client.hpp"
#include "drivers/s3/list_order.hpp"
#include "drivers/s3/mark.hpp"
#include "drivers/s3/reader.hpp"
#include "drivers/s3/writer.hpp"
#include "eventcollect/s3.hpp"
#include "objects/key.hpp"

namespace eventcollect {

using objects::check_key;
using objects::is_key;
using s3::Answer;
using s3::Marked;
using s3::Request;

namespace {

std::string checked(std::string_view key) {
  check_key(key);
  return std::string{key};
}

// The pages of one list.
class Listing {
 public:
  Listing(s3::Client& client, std::string_view prefix, std::string_view after)
      : client_{client},
        place_{client.place(prefix)},
        root_bytes_{client.full_key("").size()},
        order_{place_, client.full_key(prefix), after.empty() ? "" : client.full_key(after)} {
    query_ = {{"encoding-type", "url"}, {"list-type", "2"}, {"prefix", client.full_key(prefix)}};
    if (!after.empty()) query_["start-after"] = client.full_key(after);
  }

  // False where there is no further page.
  bool next() {
    if (is_over_) return false;
    Request request{.method = "GET", .query = query_};
    request.root = "ListBucketResult";
    const Answer answer = client_.send(request);
    try {
      page_ = s3::read_list(answer.body);
    } catch (const std::runtime_error& error) {
      throw Error{Error::unavailable, fmt::format("s3: cannot list {}: {}", place_, error.what())};
    }
    const std::string& token = order_.next_token(page_);
    is_over_ = token.empty();
    query_.erase("start-after");
    query_["continuation-token"] = token;
    return true;
  }

  // False when `visit` has had enough. The bucket may hold what others put there, under names that
  // are no keys of ours.
  bool visit_page(const ObjectStore::Visit& visit) {
    for (ObjectInfo& object : page_.objects) {
      object.key.erase(0, root_bytes_);
      if (is_key(object.key) && !visit(object)) return false;
    }
    return true;
  }

 private:
  s3::Client& client_;
  std::string place_;
  std::size_t root_bytes_;  // of the store's own prefix
  s3::ListOrder order_;
  s3::Query query_;
  s3::ListPage page_;
  bool is_over_ = false;
};

}  // namespace

S3Store::S3Store(S3Options options) : client_{std::make_shared<s3::Client>(std::move(options))} {}

S3Store::~S3Store() = default;

void S3Store::list(std::string_view prefix, std::string_view after, const Visit& visit) {
  Listing listing{*client_, prefix, after};
  while (listing.next() && listing.visit_page(visit)) {
  }
}

std::unique_ptr<ObjectReader> S3Store::get(std::string_view key) {
  return s3::Reader::open(client_, checked(key));
}

void S3Store::put(std::string_view key, std::string_view content) {
  client_->send({.method = "PUT", .key = checked(key), .body = content, .stores = true});
}

bool S3Store::create(std::string_view key, std::string_view content) {
  const std::string mark = s3::new_mark();
  Request request{.method = "PUT", .key = checked(key)};
  request.headers = {"if-none-match: *", s3::mark_header(mark)};
  request.body = content;
  request.expected = {"PreconditionFailed", "NotImplemented"};
  request.stores = true;
  const Answer answer = client_->send(request);
  if (answer.error.empty()) return true;
  if (answer.error == "NotImplemented") {
    throw Error{Error::misconfigured,
                fmt::format("s3: cannot create {}: the store has no conditional put "
                            "(If-None-Match)",
                            client_->place(key))};
  }
  // It may be our own: of an attempt whose answer was lost, even by libcurl without a word.
  const Marked marked = is_marked(*client_, request.key, mark);
  if (marked != Marked::gone) return marked == Marked::yes;
  throw Error{Error::in_doubt,
              fmt::format("s3: {} was removed while it was created", client_->place(key))};
}

std::unique_ptr<ObjectWriter> S3Store::write(std::string_view key) {
  return std::make_unique<s3::Writer>(client_, checked(key));
}

void S3Store::remove(std::string_view key) {
  Request request{.method = "DELETE", .key = checked(key)};
  request.expected = {"NoSuchKey"};
  client_->send(request);
}

}  // namespace eventcollect
