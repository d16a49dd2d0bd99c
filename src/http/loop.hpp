// One of the threads that serve a front's clients.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/client.hpp"
#include "http/deadlines.hpp"
#include "http/poller.hpp"
#include "http/response_queue.hpp"
#include "http/shared.hpp"

namespace eventcollect::http {

// Moves bytes between the sockets that it accepted and their connections, and keeps the time.
class Loop {
 public:
  // `shared` has to outlive it. `state` is its own part of that.
  Loop(Shared& shared, LoopState& state);
  // Waits for the thread to end: see Shared.
  ~Loop() { thread_.join(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void wake() { responses_->wake(); }

 private:
  void run();
  int poll_timeout();
  void dispatch(const epoll_event& event);
  void accept_all();
  void accept(Socket& socket, const sockaddr_storage& address);
  void keep_connections_bound(Client& newest);
  void keep_bounds();
  void keep_byte_bounds();
  Client* longest_of_all(Wait wait, LoopState::Longest LoopState::*kind);
  void make_room();
  void deliver_responses();
  void deliver(const ResponseQueue::Entry& answer);
  void resume_unfinished();
  void sweep();
  void stop_listening();

  void serve(Client& client);
  template <typename Action>
  void serve(Client& client, Action action);
  void receive(Client& client);
  void take_turn(Client& client, std::string_view bytes);
  bool go_on(Client& client);
  void ask_handler(Client& client, Step step);
  void hand_over(Client& client);
  void expect_answer();
  bool send(Client& client);
  void finish_later(Client& client);
  void close(Client& client);

  Shared& shared_;
  LoopState& state_;
  Date date_;
  const ConnectionContext context_;
  Poller poller_;
  const std::shared_ptr<ResponseQueue> responses_ = state_.responses;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  Deadlines deadlines_;
  std::deque<std::uint64_t> unfinished_;  // clients that had more to do when their turn was over
  std::int64_t cost_left_ = 0;            // in the turn of the client that is being served
  std::uint64_t last_id_ = 1;             // 0 and 1 are the tokens of what else is polled
  std::vector<char> scratch_ = std::vector<char>(std::size_t{64} << 10);
  std::vector<ResponseQueue::Entry> answers_;
  std::size_t answers_due_ = 0;   // by the handler
  std::size_t answers_room_ = 0;  // in answers_ and responses_
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_sweep_ = now_;
  bool listens_ = true;
  std::thread thread_;
};

}  // namespace eventcollect::http
