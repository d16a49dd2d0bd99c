#include "http/loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
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
// A request costs its bytes, or the least cost if it has fewer, and those of its answer.
constexpr std::int64_t max_cost_of_a_turn = 64 << 10;
constexpr std::int64_t min_cost_of_a_request = 2 << 10;
constexpr std::uint64_t listener_token = 0;
constexpr std::uint64_t responses_token = 1;

std::chrono::sys_seconds wall_clock_second() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Loop::Loop(Shared& shared, LoopState& state)
    : shared_{shared},
      state_{state},
      date_{wall_clock_second()},
      context_{shared.limits, shared.buffered, shared.unsent, shared.counters, date_},
      deadlines_{shared.limits} {
  poller_.add(shared_.listener.get(), EPOLLIN | EPOLLEXCLUSIVE, listener_token);
  poller_.add(responses_->descriptor(), EPOLLIN, responses_token);
  {
    const std::lock_guard lock{shared_.mutex};
    ++shared_.loops_running;
  }
  thread_ = std::thread{[this] { run(); }};
}

// Goes on with a client as far as it can now, after `action`. It is closed if memory is short.
template <typename Action>
void Loop::serve(Client& client, Action action) {
  try {
    action(client.connection);
    if (!client.is_unfinished) receive(client);
  } catch (const std::exception&) {
    client.connection.close();
  }
  if (client.connection.is_closed()) return close(client);
  deadlines_.update(client, now_);
}

void Loop::serve(Client& client) {
  serve(client, [](Connection&) {});
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
    show(state_, deadlines_, last_id_);
    keep_bounds();
  }
  state_.any = state_.request = state_.answer = LoopState::Time::max();
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
  keep_byte_bounds();
}

void Loop::accept_all() {
  for (int i = 0; i < max_accepts_in_a_round; ++i) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof(address);
    Socket socket{accept4(shared_.listener.get(), reinterpret_cast<sockaddr*>(&address), &bytes,
                          SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.get() < 0 && (errno == EMFILE || errno == ENFILE)) make_room();
    if (socket.get() < 0) return;
    try {
      accept(socket, address);
    } catch (const std::bad_alloc&) {
      // It is closed.
    }
  }
}

void Loop::accept(Socket& socket, const sockaddr_storage& address) {
  const std::uint64_t id = ++last_id_;
  auto client = std::make_unique<Client>(socket, id, address_text(address), context_);
  Client& added = *clients_.emplace(id, std::move(client)).first->second;
  try {
    deadlines_.add(added, now_);
  } catch (const std::bad_alloc&) {
    clients_.erase(id);
    throw;
  }
  ++shared_.counters.accepted;
  ++shared_.counters.open;
  const int yes = 1;
  setsockopt(added.socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  try {
    poller_.add(added.socket.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, id);
  } catch (const std::exception&) {
    return close(added);  // the system has no memory to watch it
  }
  keep_connections_bound(added);
}

// After `newest` was accepted. Other loops may have whom to close, and need a while to do it.
void Loop::keep_connections_bound(Client& newest) {
  const std::size_t bound = shared_.limits.max_connections;
  const std::size_t slack = std::min(bound / 2, max_connections_over_bound);
  if (shared_.counters.open <= bound) return;
  Client* longest = deadlines_.longest_but(newest.id);
  const bool is_ours =
      longest != nullptr && shared_.loops.has_longest(state_, &LoopState::any, *longest);
  if (!is_ours && shared_.counters.open <= bound + slack) return;
  ++shared_.counters.evicted;
  close(longest != nullptr ? *longest : newest);
}

void Loop::keep_bounds() {
  while (shared_.counters.open > shared_.limits.max_connections) {
    Client* longest = deadlines_.longest_but(last_id_);
    if (longest == nullptr) break;
    if (!shared_.loops.has_longest(state_, &LoopState::any, *longest)) break;
    ++shared_.counters.evicted;
    close(*longest);
  }
  keep_byte_bounds();
}

// After clients have been served. A single request may go on to the end of the slack, a single
// answer to its own end.
void Loop::keep_byte_bounds() {
  while (shared_.buffered.is_over()) {
    Client* longest = longest_of_all(Wait::request, &LoopState::request);
    if (longest == nullptr) break;
    ++shared_.counters.evicted;
    serve(*longest, [](Connection& connection) { connection.evict(); });
  }
  while (shared_.unsent.is_over()) {
    Client* longest = longest_of_all(Wait::client, &LoopState::answer);
    // Answers are in memory before they are counted, so that too many cannot wait for another loop.
    const bool is_far_over = shared_.is_far_over_unsent() && deadlines_.are_several(Wait::client);
    if (longest == nullptr && is_far_over) longest = deadlines_.longest(Wait::client);
    if (longest == nullptr) break;
    ++shared_.counters.evicted;
    close(*longest);
  }
}

// The client that has waited like this longest, if it is one of ours, and not the only one.
Client* Loop::longest_of_all(Wait wait, LoopState::Longest LoopState::*kind) {
  Client* longest = deadlines_.longest(wait);
  if (longest == nullptr || !shared_.loops.has_longest(state_, kind, *longest)) return nullptr;
  const bool is_only = !deadlines_.are_several(wait) && shared_.loops.is_alone(state_, kind);
  return is_only ? nullptr : longest;
}

// For a descriptor: all others that there may be are in use.
void Loop::make_room() {
  Client* longest = deadlines_.longest_but(last_id_);
  if (longest == nullptr) return;
  ++shared_.counters.evicted;
  close(*longest);
}

void Loop::deliver_responses() {
  responses_->take(answers_);
  answers_due_ -= std::min(answers_due_, answers_.size());
  // By their numbers, since whoever is served may make room for more of them.
  std::size_t next = 0;
  while (next < answers_.size()) deliver(answers_[next++]);
  answers_.clear();
}

void Loop::deliver(const ResponseQueue::Entry& answer) {
  const auto found = clients_.find(answer.client);
  // It has gone meanwhile, or was answered in the place of a handler that failed.
  if (found == clients_.end()) return;
  if (!found->second->connection.awaits_answer(answer.wait)) return;
  serve(*found->second,
        [&](Connection& connection) { connection.answer(answer.response, shared_.last_answers); });
  keep_byte_bounds();
}

// Some of them only: a crowd that asks for much must not hold up those who ask for little.
void Loop::resume_unfinished() {
  for (std::size_t i = std::min(unfinished_.size(), max_unfinished_in_a_round); i > 0; --i) {
    const auto found = clients_.find(unfinished_.front());
    unfinished_.pop_front();
    if (found == clients_.end()) continue;
    found->second->is_unfinished = false;
    serve(*found->second);
    keep_byte_bounds();
  }
}

void Loop::sweep() {
  next_sweep_ = now_ + std::chrono::milliseconds{sweep_milliseconds};
  while (Client* due = deadlines_.next_due(now_, shared_.stopping)) {
    serve(*due, [](Connection& connection) { connection.expire(); });
  }
}

void Loop::stop_listening() {
  if (std::exchange(listens_, false)) poller_.remove(shared_.listener.get());
}

void Loop::receive(Client& client) {
  Connection& connection = client.connection;
  cost_left_ = max_cost_of_a_turn;
  take_turn(client, {});
  for (int reads = 0; client.is_readable && connection.wants_bytes(); ++reads) {
    if (reads == max_reads_in_a_turn || cost_left_ <= 0) return finish_later(client);
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
  if (cost_left_ <= 0 && connection.is_between_requests() && connection.has_buffered_input()) {
    finish_later(client);
  }
}

void Loop::take_turn(Client& client, std::string_view bytes) {
  client.connection.begin_turn(bytes, now_);
  while (go_on(client)) {
  }
  client.connection.end_turn();
}

// Takes the connection's next step. False where the turn has to end.
bool Loop::go_on(Client& client) {
  Connection& connection = client.connection;
  if (cost_left_ <= 0 && connection.is_between_requests()) return false;
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
  if (step == Step::request) return hand_over(client);
  if (step == Step::too_large) {
    return connection.answer(handler.too_large(request), shared_.last_answers);
  }
  const auto head_bytes = static_cast<std::int64_t>(connection.head_bytes());
  cost_left_ -= std::max(head_bytes, min_cost_of_a_request);
  if (const auto early = handler.before_body(request)) {
    connection.answer(early->response, shared_.last_answers, early->shared_body);
  } else {
    connection.take_body(handler.max_body_bytes());
  }
}

void Loop::hand_over(Client& client) {
  const Request& request = client.connection.request();
  const std::uint32_t wait = client.connection.waits_begun();
  cost_left_ -= static_cast<std::int64_t>(request.body.size());
  expect_answer();
  try {
    shared_.handler.handle(request, [queue = responses_, id = client.id, wait](Response response) {
      queue->put({id, wait, std::move(response)});
    });
  } catch (...) {
    --answers_due_;
    throw;
  }
}

// Makes room for an answer that the handler will give, in both places where it may lie: then it can
// be given where memory is short.
void Loop::expect_answer() {
  if (answers_due_ == answers_room_) {
    const std::size_t room = std::max<std::size_t>(64, 2 * answers_room_);
    answers_.reserve(room);
    responses_->reserve(room);
    answers_room_ = room;
  }
  ++answers_due_;
}

// Sends what the system takes. False where it takes no more now.
bool Loop::send(Client& client) {
  const std::string_view output = client.connection.output();
  const ssize_t sent = ::send(client.socket.get(), output.data(), output.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    client.connection.sent(static_cast<std::size_t>(sent));
    cost_left_ -= sent;
    return true;
  }
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) client.connection.close();
  return false;
}

void Loop::finish_later(Client& client) {
  unfinished_.push_back(client.id);
  client.is_unfinished = true;
}

void Loop::close(Client& client) {
  deadlines_.remove(client);
  --shared_.counters.open;
  clients_.erase(client.id);
}

}  // namespace eventcollect::http
