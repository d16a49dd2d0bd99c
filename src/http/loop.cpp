#include "http/loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "http/response.hpp"

namespace eventcollect::http {
namespace {

using std::chrono::steady_clock;

constexpr int sweep_milliseconds = 200;  // how exactly time limits are kept
constexpr int max_accepts_in_a_round = 64;
constexpr std::size_t max_unfinished_in_a_round = 16;
constexpr int max_reads_in_a_turn = 16;
constexpr int max_requests_in_a_turn = 32;
constexpr std::uint64_t listener_token = 0;
constexpr std::uint64_t responses_token = 1;

std::chrono::sys_seconds wall_clock_second() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Loop::Loop(Shared& shared)
    : shared_{shared},
      date_{wall_clock_second()},
      context_{shared.limits, shared.buffered, shared.counters, date_},
      deadlines_{shared.limits} {
  poller_.add(shared_.listener.get(), EPOLLIN | EPOLLEXCLUSIVE, listener_token);
  poller_.add(responses_->descriptor(), EPOLLIN, responses_token);
  {
    const std::lock_guard lock{shared_.mutex};
    ++shared_.loops_running;
  }
  thread_ = std::thread{[this] { run(); }};
}

void Loop::run() {
  while (!shared_.abandoning && !(shared_.stopping && clients_.empty())) {
    const auto events = poller_.wait(poll_timeout());
    now_ = steady_clock::now();
    date_.update(wall_clock_second());
    for (const epoll_event& event : events) dispatch(event);
    deliver_responses();
    resume_unfinished();
    if (shared_.stopping) stop_listening();
    if (now_ >= next_sweep_) sweep();
  }
  shared_.counters.open -= clients_.size();
  clients_.clear();
  const std::lock_guard lock{shared_.mutex};
  --shared_.loops_running;
  shared_.loop_ended.notify_all();
}

int Loop::poll_timeout() {
  if (!unfinished_.empty() || !responses_->fall_asleep()) return 0;
  return clients_.empty() ? -1 : sweep_milliseconds;
}

void Loop::dispatch(const epoll_event& event) {
  const std::uint64_t token = event.data.u64;  // a copy: an epoll_event is packed
  if (token == listener_token) return accept_all();
  if (token == responses_token) return responses_->clear();
  const auto found = clients_.find(token);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  if ((event.events & EPOLLERR) != 0) return close(client);
  // Both sides may have shut down while bytes are unread: closing then would reset the connection.
  if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) client.is_readable = true;
  serve(client);
}

void Loop::accept_all() {
  for (int i = 0; i < max_accepts_in_a_round; ++i) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof(address);
    const int socket = accept4(shared_.listener.get(), reinterpret_cast<sockaddr*>(&address),
                               &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0 && (errno == EMFILE || errno == ENFILE)) make_room();
    if (socket < 0) return;
    accept(socket, address_text(address));
  }
}

void Loop::accept(int socket, std::string peer) {
  const std::uint64_t id = ++last_id_;
  auto client = std::make_unique<Client>(socket, id, std::move(peer), context_);
  ++shared_.counters.accepted;
  ++shared_.counters.open;
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  deadlines_.add(*client, now_);
  Client& added = *clients_.emplace(id, std::move(client)).first->second;
  try {
    poller_.add(socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, id);
  } catch (const std::runtime_error&) {
    return close(added);  // the system has no memory to watch it
  }
  keep_bound(added);
}

// After `newest` was accepted: other loops may have the idle ones, and need a while to see it.
void Loop::keep_bound(Client& newest) {
  const std::size_t bound = shared_.limits.max_connections;
  const std::size_t slack = std::min(bound / 2, max_connections_over_bound);
  if (shared_.counters.open <= bound || make_room()) return;
  if (shared_.counters.open <= bound + slack) return;
  ++shared_.counters.evicted;
  close(newest);
}

// False if no client is idle.
bool Loop::make_room() {
  Client* idle = deadlines_.longest_idle(last_id_);
  if (idle == nullptr) return false;
  ++shared_.counters.evicted;
  close(*idle);
  return true;
}

void Loop::deliver_responses() {
  responses_->take(answers_);
  for (const ResponseQueue::Entry& answer : answers_) {
    const auto found = clients_.find(answer.client);
    if (found == clients_.end()) continue;  // it has gone meanwhile
    found->second->connection.answer(answer.response, shared_.last_answers);
    serve(*found->second);
  }
  answers_.clear();
}

// Some of them only: a crowd that asks for much must not hold up those who ask for little.
void Loop::resume_unfinished() {
  for (std::size_t i = std::min(unfinished_.size(), max_unfinished_in_a_round); i > 0; --i) {
    const auto found = clients_.find(unfinished_.front());
    unfinished_.pop_front();
    if (found == clients_.end()) continue;
    found->second->is_unfinished = false;
    serve(*found->second);
  }
}

void Loop::sweep() {
  next_sweep_ = now_ + std::chrono::milliseconds{sweep_milliseconds};
  while (Client* due = deadlines_.next_due(now_, shared_.stopping)) {
    due->connection.expire();
    serve(*due);
  }
  while (shared_.counters.open > shared_.limits.max_connections && make_room()) {
  }
}

void Loop::stop_listening() {
  if (std::exchange(listens_, false)) poller_.remove(shared_.listener.get());
}

// Goes on with a client as far as it can now.
void Loop::serve(Client& client) {
  if (!client.is_unfinished) receive(client);
  if (client.connection.is_closed()) return close(client);
  deadlines_.update(client, now_);
}

void Loop::receive(Client& client) {
  Connection& connection = client.connection;
  requests_left_ = max_requests_in_a_turn;
  take_turn(client, {});
  for (int reads = 0; client.is_readable && connection.wants_bytes(); ++reads) {
    if (reads == max_reads_in_a_turn || requests_left_ == 0) return finish_later(client);
    const ssize_t got = ::recv(client.socket.get(), scratch_.data(), scratch_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      client.is_readable = false;
      return;
    }
    if (got <= 0) return connection.close();
    take_turn(client, {scratch_.data(), static_cast<std::size_t>(got)});
  }
  // What is buffered here causes no event.
  if (requests_left_ == 0 && connection.is_between_requests() && connection.has_buffered_input()) {
    finish_later(client);
  }
}

void Loop::take_turn(Client& client, std::string_view bytes) {
  client.connection.begin_turn(bytes);
  while (go_on(client)) {
  }
  client.connection.end_turn();
}

// Takes the connection's next step. False where the turn has to end.
bool Loop::go_on(Client& client) {
  Connection& connection = client.connection;
  if (requests_left_ == 0 && connection.is_between_requests()) return false;
  const Step step = connection.next();
  switch (step) {
    case Step::none:
      return false;
    case Step::send:
      return send(client);
    case Step::shut_down:
      // Closing with bytes unread would reset the connection, and the answer could be lost with it.
      ::shutdown(client.socket.get(), SHUT_WR);
      return true;
    case Step::head:
    case Step::too_large:
    case Step::request:
      try {
        ask_handler(client, step);
      } catch (const std::exception&) {
        connection.answer(plain_response(503, "The request could not be handled. Send it again."),
                          shared_.last_answers);
      }
      return true;
  }
  return false;
}

void Loop::ask_handler(Client& client, Step step) {
  Handler& handler = shared_.handler;
  Connection& connection = client.connection;
  const Request& request = connection.request();
  if (step == Step::request) {
    return handler.handle(request, [queue = responses_, id = client.id](Response response) {
      queue->put(id, std::move(response));
    });
  }
  if (step == Step::too_large) {
    return connection.answer(handler.too_large(request), shared_.last_answers);
  }
  --requests_left_;
  if (const auto early = handler.before_body(request)) {
    connection.answer(*early, shared_.last_answers);
  } else {
    connection.take_body(handler.max_body_bytes());
  }
}

// Sends what the system takes. False where it takes no more now.
bool Loop::send(Client& client) {
  const std::string_view output = client.connection.output();
  const ssize_t sent = ::send(client.socket.get(), output.data(), output.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    client.connection.sent(static_cast<std::size_t>(sent));
    return true;
  }
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) client.connection.close();
  return false;
}

void Loop::finish_later(Client& client) {
  client.is_unfinished = true;
  unfinished_.push_back(client.id);
}

void Loop::close(Client& client) {
  deadlines_.remove(client);
  --shared_.counters.open;
  clients_.erase(client.id);
}

}  // namespace eventcollect::http
