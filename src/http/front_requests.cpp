// The part of a loop that follows one connection through its requests.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "http/loop.hpp"
#include "http/response.hpp"

namespace eventcollect {
namespace {

using Stage = FrontConnection::Stage;

// Before other connections have their turn.
constexpr int most_reads_in_a_row = 16;
constexpr int most_requests_in_a_row = 32;

// Where there is no memory left for requests that have not come whole.
Response busy_response() {
  Response busy = plain_response(503, "Too many requests are under way. Send it again.");
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

}  // namespace

// Reads what has come, as far as it is wanted now.
void FrontLoop::receive(FrontConnection& connection) {
  if (connection.is_unfinished) return;  // its turn will come
  const std::uint64_t id = connection.id;
  requests_left_ = most_requests_in_a_row;
  if (!connection.input.empty() && connection.stage == Stage::head) take_in(connection, {});
  const auto wants_more = [&] {
    return connection.is_readable && connection.stage != Stage::waiting &&
           connection.stage != Stage::closed;
  };
  for (int reads = 0; wants_more(); ++reads) {
    if (reads == most_reads_in_a_row || requests_left_ == 0) return finish_later(connection);
    const ssize_t got = ::recv(connection.socket, scratch_.data(), scratch_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      connection.is_readable = false;
      return;
    }
    if (got <= 0) {
      // Whoever has sent all may still want to read the answer to it.
      connection.is_shut = true;
      connection.is_readable = false;
      if (connection.output.empty()) close(id);
      return;
    }
    take_in(connection, {scratch_.data(), static_cast<std::size_t>(got)});
  }
  // What has come already is no event of epoll any more.
  if (requests_left_ == 0 && connection.stage == Stage::head && !connection.input.empty()) {
    finish_later(connection);
  }
}

void FrontLoop::finish_later(FrontConnection& connection) {
  connection.is_unfinished = true;
  unfinished_.push_back(connection.id);
}

// Goes on with the connection's requests by what has newly come.
void FrontLoop::take_in(FrontConnection& connection, std::string_view bytes) {
  std::string pending;
  if (!connection.input.empty()) {
    pending = take_input(connection);
    pending += bytes;
    bytes = pending;
  }
  while (!bytes.empty()) {
    bool goes_on = true;
    switch (connection.stage) {
      case Stage::head:
        // Output that the client does not take is a reason to read no more of it.
        goes_on = connection.output.empty() && requests_left_ > 0 && take_head(connection, bytes);
        break;
      case Stage::body:
        take_body(connection, bytes);
        break;
      case Stage::closing:
        return drain(connection, bytes);
      case Stage::waiting:
        goes_on = false;
        break;
      case Stage::closed:
        return;
    }
    if (!goes_on) break;
  }
  if (!bytes.empty()) put_aside(connection, bytes);
}

// Keeps what cannot be dealt with yet.
void FrontLoop::put_aside(FrontConnection& connection, std::string_view bytes) {
  if (connection.stage == Stage::closed) return;
  if (shared_->buffered_bytes + bytes.size() > shared_->limits.max_buffered_bytes) {
    return close(connection.id);
  }
  shared_->buffered_bytes += bytes.size();
  connection.input.append(bytes);
  if (connection.stage == Stage::head) note_begin(connection);
}

std::string FrontLoop::take_input(FrontConnection& connection) {
  shared_->buffered_bytes -= connection.input.size();
  return std::exchange(connection.input, {});
}

// The time that a request has runs from its first byte.
void FrontLoop::note_begin(FrontConnection& connection) {
  if (connection.wait != Wait::request) wait_for(connection, Wait::request);
}

// True if a request's head was there.
bool FrontLoop::take_head(FrontConnection& connection, std::string_view& bytes) {
  const FrontLimits& limits = shared_->limits;
  const HeadResult result = parse_head(bytes.substr(0, limits.max_head_bytes), head_);
  switch (result) {
    case HeadResult::complete:
      --requests_left_;
      take_request(connection, bytes);
      return true;
    case HeadResult::incomplete:
      if (bytes.size() >= limits.max_head_bytes) {
        answer_last(connection, plain_response(431, "The header fields are too large."));
        return true;
      }
      return false;
    case HeadResult::malformed:
      ++shared_->malformed;
      answer_last(connection, plain_response(400, "This is no HTTP request."));
      return true;
    case HeadResult::unsupported:
      ++shared_->malformed;
      answer_last(connection, plain_response(501, "Only the transfer coding chunked is known."));
      return true;
  }
  return false;
}

// Decides by the head what becomes of the request at the front of `bytes`.
void FrontLoop::take_request(FrontConnection& connection, std::string_view& bytes) {
  const std::string_view head_text = bytes.substr(0, head_.bytes);
  FrontRequest request{head_, connection.peer, {}};
  bytes.remove_prefix(head_.bytes);
  connection.is_head_request = head_.method == "HEAD";
  connection.closes_after = !head_.keeps_alive;
  if (auto early = shared_->handler.before_body(request)) {
    return head_.has_body() ? answer_last(connection, *early) : answer(connection, *early);
  }
  const std::uint64_t length = head_.content_length.value_or(0);
  if (length > shared_->handler.max_body_bytes()) {
    return answer_last(connection, shared_->handler.too_large(request));
  }
  if (head_.is_chunked || bytes.size() < length) return begin_body(connection, head_text);
  request.body = bytes.substr(0, static_cast<std::size_t>(length));
  bytes.remove_prefix(request.body.size());
  hand_over(connection, request);
}

void FrontLoop::begin_body(FrontConnection& connection, std::string_view head_text) {
  if (shared_->buffered_bytes + head_text.size() > shared_->limits.max_buffered_bytes) {
    return answer_last(connection, busy_response());
  }
  shared_->buffered_bytes += head_text.size();
  connection.stage = Stage::body;
  connection.head_text = head_text;
  connection.chunks = {};
  connection.body_bytes = head_.content_length;
  note_begin(connection);
  if (!head_.expects_continue) return;
  connection.output += "HTTP/1.1 100 Continue\r\n\r\n";
  send(connection);
}

void FrontLoop::take_body(FrontConnection& connection, std::string_view& bytes) {
  if (connection.body_bytes) {
    const auto missing = static_cast<std::size_t>(*connection.body_bytes) - connection.body.size();
    const std::string_view piece = bytes.substr(0, missing);
    bytes.remove_prefix(piece.size());
    add_to_body(connection, piece);
    if (connection.stage == Stage::body && piece.size() == missing) finish_body(connection);
    return;
  }
  const auto result = connection.chunks.read(bytes, [&](std::string_view piece) {
    if (connection.stage == Stage::body) add_to_body(connection, piece);
  });
  if (connection.stage != Stage::body) return;
  if (result == ChunkedReader::Result::complete) finish_body(connection);
  if (result == ChunkedReader::Result::malformed) {
    ++shared_->malformed;
    answer_last(connection, plain_response(400, "The chunks of the body are broken."));
  }
}

void FrontLoop::add_to_body(FrontConnection& connection, std::string_view piece) {
  if (connection.body.size() + piece.size() > shared_->handler.max_body_bytes()) {
    parse_head(connection.head_text, head_);
    return answer_last(connection, shared_->handler.too_large({head_, connection.peer, {}}));
  }
  if (shared_->buffered_bytes + piece.size() > shared_->limits.max_buffered_bytes) {
    return answer_last(connection, busy_response());
  }
  shared_->buffered_bytes += piece.size();
  connection.body += piece;
}

void FrontLoop::finish_body(FrontConnection& connection) {
  parse_head(connection.head_text, head_);
  hand_over(connection, {head_, connection.peer, connection.body});
}

// `request` may view the connection's own memory, which is therefore released afterwards only.
void FrontLoop::hand_over(FrontConnection& connection, const FrontRequest& request) {
  connection.stage = Stage::waiting;
  wait_for(connection, Wait::handler);
  handing_over_ = connection.id;
  const auto respond = [this, mailbox = mailbox_, id = connection.id](Response response) {
    // `this` may be long gone when another thread answers, and is only asked by its own.
    if (is_this_thread() && handing_over_ == id) {
      answer_at_once_ = std::move(response);
    } else {
      mailbox->put(id, std::move(response));
    }
  };
  try {
    shared_->handler.handle(request, respond);
  } catch (const std::exception&) {
    answer_at_once_ = plain_response(503, "The request could not be dealt with. Send it again.");
  }
  handing_over_ = 0;
  release_body(connection);
  if (const auto response = std::exchange(answer_at_once_, {})) answer(connection, *response);
}

void FrontLoop::release_body(FrontConnection& connection) {
  shared_->buffered_bytes -= connection.body.size() + connection.head_text.size();
  std::string{}.swap(connection.body);
  std::string{}.swap(connection.head_text);
}

void FrontLoop::answer_last(FrontConnection& connection, const Response& response) {
  connection.closes_after = true;
  answer(connection, response);
}

void FrontLoop::answer(FrontConnection& connection, const Response& response) {
  connection.closes_after = connection.closes_after || shared_->last_answers;
  append_response(connection.output, response, connection.closes_after, connection.is_head_request);
  connection.stage = Stage::waiting;
  wait_for(connection, Wait::reader);
  release_body(connection);
  send(connection);
}

// Sends what the system takes. May close the connection.
void FrontLoop::send(FrontConnection& connection) {
  std::string_view left = connection.output;
  while (!left.empty()) {
    const ssize_t sent = ::send(connection.socket, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (sent < 0) return close(connection.id);
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  connection.output.erase(0, connection.output.size() - left.size());
  if (!connection.output.empty()) return;
  std::string{}.swap(connection.output);
  if (connection.stage == Stage::waiting) finish_answer(connection);
}

void FrontLoop::finish_answer(FrontConnection& connection) {
  if (!connection.closes_after) {
    connection.stage = Stage::head;
    connection.is_head_request = false;  // the next may be refused before its method is known
    return wait_for(connection, Wait::idle);
  }
  if (connection.is_shut) return close(connection.id);
  // Closing with bytes unread would reset the connection, and the answer might be lost with it.
  ::shutdown(connection.socket, SHUT_WR);
  connection.stage = Stage::closing;
  wait_for(connection, Wait::goodbye);
  take_input(connection);
}

void FrontLoop::drain(FrontConnection& connection, std::string_view bytes) {
  connection.drained_bytes += bytes.size();
  if (connection.drained_bytes > shared_->limits.max_drained_bytes) close(connection.id);
}

void FrontLoop::close(std::uint64_t id) {
  const auto found = connections_.find(id);
  FrontConnection& connection = *found->second;
  release_body(connection);
  take_input(connection);
  connection.stage = Stage::closed;
  line(connection.wait).erase(connection.place);
  // Whoever is in the middle of serving it still holds a reference.
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
  --shared_->open;
}

}  // namespace eventcollect
