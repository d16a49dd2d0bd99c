#include "http/connection.hpp"

#include <utility>

namespace eventcollect::http {
namespace {

// Where there is no memory left for requests that are not complete.
Response busy_response() {
  Response busy = plain_response(503, "Too many requests are in progress. Send it again.");
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

}  // namespace

Connection::Connection(std::string peer, const ConnectionContext& context)
    : peer_{std::move(peer)},
      context_{context},
      input_share_{context.buffered},
      incoming_share_{context.buffered},
      output_share_{context.unsent} {}

void Connection::begin_turn(std::string_view bytes, TimePoint now) {
  now_ = now;
  if (input_.empty()) {
    unread_ = bytes;
    return;
  }
  if (!bytes.empty()) {
    input_.erase(0, used_bytes_);
    used_bytes_ = 0;
    input_ += bytes;
  }
  unread_ = std::string_view{input_}.substr(used_bytes_);
}

void Connection::end_turn() {
  if (stage_ != Stage::body) forget_request();
  // Requests that were sent together are not moved for each of them. A new string has no more
  // capacity than is counted.
  if (input_.empty() || unread_.size() <= input_.size() / 2) std::string{unread_}.swap(input_);
  used_bytes_ = input_.size() - unread_.size();
  unread_ = {};
  // What a client that does not take its answers sends beyond goes when they go.
  const bool is_blocked = !output_.empty();
  const std::size_t unsent_bytes = is_blocked ? output_.capacity() + input_.size() : 0;
  const bool has_room = input_share_.resize(is_blocked ? 0 : input_.size());
  if (!has_room || !output_share_.resize(unsent_bytes)) return close();
  // A request's time runs from its first byte, which is not that of an empty line before it.
  const std::string_view waiting = std::string_view{input_}.substr(used_bytes_);
  const bool has_begun = stage_ == Stage::head && !waiting.empty() && waiting != "\r";
  if (has_begun && wait_ != Wait::request) wait_for(Wait::request);
}

Step Connection::next() {
  if (stage_ != Stage::body) forget_request();
  // A client that does not take its answers gets no further ones.
  if (!output_.empty()) return Step::send;
  switch (stage_) {
    case Stage::head:
      return read_head();
    case Stage::body:
      return read_body();
    case Stage::last:
      stage_ = Stage::draining;
      wait_for(Wait::close);
      return Step::shut_down;
    case Stage::draining:
      return drain();
    case Stage::decision:
    case Stage::handler:
    case Stage::answer:
    case Stage::closed:
      return Step::none;
  }
  return Step::none;
}

Step Connection::read_head() {
  const std::size_t unread_bytes = unread_.size();
  skip_empty_lines(unread_);
  if (unread_.size() < unread_bytes) head_watch_ = {};
  const std::size_t max_bytes = context_.limits.max_head_bytes;
  const std::string_view text = unread_.substr(0, max_bytes);
  HeadResult result = head_watch_.look(text);
  if (result == HeadResult::incomplete) {
    if (text.size() < max_bytes) return Step::none;
    return reject(plain_response(431, "The header fields are too large."));
  }
  if (result == HeadResult::complete) {
    incoming_ = std::make_unique<Incoming>();
    result = parse_head(text, incoming_->head, context_.limits.client_ip_header);
  }
  if (result == HeadResult::complete) {
    begin_request();
    return Step::head;
  }
  ++context_.counters.malformed;
  return reject(result == HeadResult::unsupported
                    ? plain_response(501, "The only supported transfer coding is chunked.")
                    : plain_response(400, "Malformed HTTP request."));
}

void Connection::begin_request() {
  Head& head = incoming_->head;
  head_watch_ = {};
  unread_.remove_prefix(head.text.size());
  head.request.peer = peer_;
  is_head_request_ = head.request.method == "HEAD";
  persistence_ = Persistence::close;
  if (head.keeps_alive) {
    persistence_ = head.is_1_1 ? Persistence::as_usual : Persistence::keep_alive;
  }
  stage_ = Stage::decision;
}

void Connection::take_body(std::size_t max_bytes) {
  stage_ = Stage::body;
  incoming_->max_body_bytes = max_bytes;
  incoming_->head.request.is_admitted = true;
  const Head& head = incoming_->head;
  const std::uint64_t length = head.content_length.value_or(0);
  const bool is_here = !head.is_chunked && unread_.size() >= length;
  if (is_here || length > max_bytes) return;  // next() goes on by itself
  if (!incoming_share_.resize(head.text.size())) {
    reject(busy_response());
    return;
  }
  if (wait_ != Wait::request) wait_for(Wait::request);
  if (head.expects_continue) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

Step Connection::read_body() {
  if (incoming_->head.is_chunked) return read_chunks();
  const std::uint64_t length = incoming_->head.content_length.value_or(0);
  if (length > incoming_->max_body_bytes) return reject_too_large();
  std::string& body = incoming_->body;
  const std::string_view piece = unread_.substr(0, static_cast<std::size_t>(length) - body.size());
  unread_.remove_prefix(piece.size());
  if (piece.size() == length) return complete(piece);  // at once, and so without a copy
  if (gather(piece) == Gathered::no_room) return reject(busy_response());
  return body.size() == length ? complete(body) : Step::none;
}

Step Connection::read_chunks() {
  auto gathered = Gathered::yes;
  const auto result = incoming_->chunks.read(unread_, [&](std::string_view piece) {
    if (gathered == Gathered::yes) gathered = gather(piece);
  });
  if (gathered == Gathered::too_large) return reject_too_large();
  if (gathered == Gathered::no_room) return reject(busy_response());
  switch (result) {
    case ChunkedReader::Result::complete:
      return complete(incoming_->body);
    case ChunkedReader::Result::incomplete:
      return Step::none;
    case ChunkedReader::Result::malformed:
      break;
  }
  ++context_.counters.malformed;
  return reject(plain_response(400, "Malformed chunk in the body."));
}

// Adds a piece to the body, within all bounds.
Connection::Gathered Connection::gather(std::string_view piece) {
  std::string& body = incoming_->body;
  if (piece.size() > incoming_->max_body_bytes - body.size()) return Gathered::too_large;
  if (!incoming_share_.grow(piece.size())) return Gathered::no_room;
  body += piece;
  return Gathered::yes;
}

Step Connection::complete(std::string_view body) {
  incoming_->head.request.body = body;
  incoming_->head.request.upload_time = upload_time();
  stage_ = Stage::handler;
  wait_for(Wait::handler);
  return Step::request;
}

// Nothing for a request that came at once.
std::chrono::milliseconds Connection::upload_time() const {
  if (wait_ != Wait::request) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - began_);
}

Step Connection::reject_too_large() {
  stage_ = Stage::decision;
  return Step::too_large;
}

Step Connection::reject(const Response& response) {
  answer(response, true);
  return Step::send;
}

void Connection::answer(const Response& response, bool is_last, const SharedBody& shared_body) {
  const bool is_before_end = stage_ == Stage::decision || stage_ == Stage::body;
  const bool is_body_unread = is_before_end && incoming_->head.has_body();
  if (is_last || is_body_unread) persistence_ = Persistence::close;
  append_output(response, shared_body);
  stage_ = Stage::answer;
  wait_for(Wait::client);
  if (persistence_ == Persistence::close) drain();
}

void Connection::append_output(const Response& response, const SharedBody& shared_body) {
  const std::size_t before = output_.size();
  const std::size_t body_bytes = shared_body ? shared_body->size() : response.body.size();
  try {
    append_head(output_, response, body_bytes, persistence_, context_.date.text());
    if (!is_head_request_ && !shared_body) output_ += response.body;
  } catch (...) {
    output_.resize(before);
    throw;
  }
  if (!is_head_request_) shared_output_ = shared_body;
}

std::string_view Connection::output() const {
  if (sent_bytes_ < output_.size() || !shared_output_) {
    return std::string_view{output_}.substr(sent_bytes_);
  }
  return std::string_view{*shared_output_}.substr(sent_bytes_ - output_.size());
}

void Connection::sent(std::size_t bytes) {
  sent_bytes_ += bytes;
  if (!output().empty()) return;
  forget_output();
  if (stage_ != Stage::answer) return;
  is_head_request_ = false;  // the next may be rejected before its method is known
  stage_ = persistence_ == Persistence::close ? Stage::last : Stage::head;
  if (stage_ == Stage::head) wait_for(Wait::idle);
}

// Throws away what has come after the last answer.
Step Connection::drain() {
  drained_bytes_ += unread_.size();
  unread_ = {};
  if (drained_bytes_ > context_.limits.max_drained_bytes) close();
  return Step::none;
}

void Connection::expire() {
  if (wait_ == Wait::request && output_.empty()) ++context_.counters.timed_out;
  evict();
}

void Connection::evict() {
  if (wait_ != Wait::request || !output_.empty()) return close();
  begin_turn({}, now_);
  reject(plain_response(408, "The request did not arrive in time."));
  end_turn();
}

void Connection::close() {
  forget_request();
  unread_ = {};
  std::string{}.swap(input_);
  used_bytes_ = 0;
  input_share_.resize(0);
  forget_output();
  output_share_.resize(0);
  stage_ = Stage::closed;
}

bool Connection::wants_bytes() const {
  const bool reads = stage_ == Stage::head || stage_ == Stage::body || stage_ == Stage::draining;
  return reads && output_.empty();
}

bool Connection::is_between_requests() const { return stage_ == Stage::head && output_.empty(); }

void Connection::forget_request() {
  incoming_.reset();
  incoming_share_.resize(0);
}

void Connection::forget_output() {
  std::string{}.swap(output_);
  shared_output_.reset();
  sent_bytes_ = 0;
}

void Connection::wait_for(Wait wait) {
  wait_ = wait;
  if (wait == Wait::request) began_ = now_;
  ++waits_begun_;
}

}  // namespace eventcollect::http
