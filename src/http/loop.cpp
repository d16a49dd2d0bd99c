#include "http/loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "http/response.hpp"

namespace eventcollect {
namespace {

using std::chrono::steady_clock;

constexpr int sweep_milliseconds = 200;  // how exact time limits are kept
constexpr std::size_t most_unfinished_in_a_round = 16;
constexpr std::uint64_t listener_token = 0;
constexpr std::uint64_t wake_token = 1;

// The loop that this thread runs, if any: only ever compared.
thread_local const void* current_loop = nullptr;

}  // namespace

FrontLoop::FrontLoop(std::shared_ptr<FrontShared> shared)
    : shared_{std::move(shared)}, epoll_{epoll_create1(EPOLL_CLOEXEC)} {
  if (epoll_.get() < 0) throw_errno("epoll_create1");
  watch(shared_->listener.get(), EPOLLIN | EPOLLEXCLUSIVE, listener_token);
  watch(mailbox_->descriptor(), EPOLLIN, wake_token);
  {
    const std::lock_guard lock{shared_->mutex};
    ++shared_->loops_running;
  }
  thread_ = std::thread{[this] { run(); }};
}

FrontLoop::~FrontLoop() { thread_.join(); }

void FrontLoop::watch(int descriptor, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) throw_errno("epoll_ctl");
}

void FrontLoop::run() {
  current_loop = this;
  std::array<epoll_event, 256> events{};
  while (!shared_->abandoning && !(shared_->stopping && connections_.empty())) {
    const int patience = !unfinished_.empty() ? 0 : connections_.empty() ? -1 : sweep_milliseconds;
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience);
    now_ = steady_clock::now();
    for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
    go_on_with_unfinished();
    if (shared_->stopping) forget_listener();
    if (now_ >= next_sweep_) sweep();
    closed_.clear();
  }
  shared_->open -= connections_.size();
  connections_.clear();
  const std::lock_guard lock{shared_->mutex};
  --shared_->loops_running;
  shared_->loop_ended.notify_all();
}

// Some of them only: a crowd that asks for much is not to hold up those who ask for little.
void FrontLoop::go_on_with_unfinished() {
  for (std::size_t i = std::min(unfinished_.size(), most_unfinished_in_a_round); i > 0; --i) {
    const auto found = connections_.find(unfinished_.front());
    unfinished_.pop_front();
    if (found == connections_.end()) continue;
    found->second->is_unfinished = false;
    receive(*found->second);
  }
}

bool FrontLoop::is_this_thread() const { return current_loop == this; }

void FrontLoop::forget_listener() {
  if (!std::exchange(listens_, false)) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shared_->listener.get(), nullptr);
}

void FrontLoop::dispatch(const epoll_event& event) {
  const std::uint64_t token = event.data.u64;  // a copy: an epoll_event is packed
  if (token == listener_token) return accept_all();
  if (token == wake_token) return deliver_letters();
  const auto found = connections_.find(token);
  if (found == connections_.end()) return;
  FrontConnection& connection = *found->second;
  if ((event.events & EPOLLERR) != 0) return close(connection.id);
  // Both sides may have said their last while bytes are still unread: closing then would reset.
  if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) connection.is_readable = true;
  if ((event.events & EPOLLOUT) != 0 && !connection.output.empty()) {
    send(connection);
    if (!connections_.contains(token)) return;
  }
  receive(connection);
}

void FrontLoop::accept_all() {
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof(address);
    const int socket = accept4(shared_->listener.get(), reinterpret_cast<sockaddr*>(&address),
                               &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0 && (errno == EMFILE || errno == ENFILE)) make_room();
    if (socket < 0) return;
    ++shared_->accepted;
    ++shared_->open;
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    const std::uint64_t id = ++last_id_;
    auto connection = std::make_unique<FrontConnection>(socket, id, address_text(address));
    connection->place = line(Wait::idle).insert(line(Wait::idle).end(), connection.get());
    wait_for(*connection, Wait::idle);
    connections_.emplace(id, std::move(connection));
    try {
      watch(socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, id);
    } catch (const std::runtime_error&) {
      close(id);  // the system has no room to watch it
      continue;
    }
    keep_bound(id);
  }
}

// After `newest` was accepted: other loops may have the idle ones, and need a while to see it.
void FrontLoop::keep_bound(std::uint64_t newest) {
  const std::size_t bound = shared_->limits.max_connections;
  const std::size_t slack = std::min(bound / 2, max_connections_over_bound);
  if (shared_->open <= bound || make_room() || shared_->open <= bound + slack) return;
  ++shared_->evicted;
  close(newest);
}

// Closes the connection that has been idle for longest, but for the newest, which may be about to
// ask for something. False if none is idle.
bool FrontLoop::make_room() {
  const Line& idle = line(Wait::idle);
  auto victim = idle.begin();
  if (victim != idle.end() && (*victim)->id == last_id_) ++victim;
  if (victim == idle.end()) return false;
  ++shared_->evicted;
  close((*victim)->id);
  return true;
}

// Gives the connection a new deadline. It is later than all in its line, whose time limit is one.
void FrontLoop::wait_for(FrontConnection& connection, Wait wait) {
  const FrontLimits& limits = shared_->limits;
  const std::array<std::chrono::milliseconds, FrontConnection::wait_kinds> patience{
      limits.idle_timeout, limits.request_timeout, std::chrono::milliseconds{0},
      limits.write_timeout, limits.drain_timeout};
  line(wait).splice(line(wait).end(), line(connection.wait), connection.place);
  connection.wait = wait;
  connection.deadline = now_ + patience[static_cast<std::size_t>(wait)];
}

void FrontLoop::deliver_letters() {
  mailbox_->take(letters_);
  for (const Mailbox::Letter& letter : letters_) {
    const auto found = connections_.find(letter.connection);
    if (found == connections_.end()) continue;  // it has gone meanwhile
    FrontConnection& connection = *found->second;
    answer(connection, letter.response);
    // The next request may be here already.
    if (connections_.contains(letter.connection)) receive(connection);
  }
  letters_.clear();
}

void FrontLoop::sweep() {
  next_sweep_ = now_ + std::chrono::milliseconds{sweep_milliseconds};
  for (const Wait wait : {Wait::idle, Wait::request, Wait::reader, Wait::goodbye}) {
    const auto is_due = [&](const FrontConnection& connection) {
      return connection.deadline <= now_ || (shared_->stopping && wait == Wait::idle);
    };
    while (!line(wait).empty() && is_due(*line(wait).front())) expire(*line(wait).front());
  }
  while (shared_->open > shared_->limits.max_connections && make_room()) {
  }
}

// Takes the connection out of its line.
void FrontLoop::expire(FrontConnection& connection) {
  const bool can_be_told = connection.wait == Wait::request && connection.output.empty();
  if (!can_be_told) return close(connection.id);
  ++shared_->timed_out;
  answer_last(connection, plain_response(408, "The request did not come in time."));
}

}  // namespace eventcollect
