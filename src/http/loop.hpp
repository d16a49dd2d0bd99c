// One of the threads that serve a front's connections.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/connection.hpp"
#include "http/front.hpp"
#include "http/response_queue.hpp"
#include "http/socket.hpp"

namespace eventcollect {

// How many more there can be than FrontLimits::max_connections, for a moment.
inline constexpr std::size_t max_connections_over_bound = 64;

// What the loops of a front have in common.
struct FrontShared {
  FrontShared(FrontHandler& handler_, FrontLimits limits_) : handler{handler_}, limits{limits_} {}

  FrontHandler& handler;
  FrontLimits limits;
  Socket listener;
  std::atomic<bool> last_answers{false};  // each answer is the last of its connection
  std::atomic<bool> stopping{false};      // no new connections, no idle ones
  std::atomic<bool> abandoning{false};    // and no others either
  std::atomic<std::size_t> buffered_bytes{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> evicted{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> malformed{0};

  std::mutex mutex;
  std::condition_variable loop_ended;
  std::size_t loops_running = 0;
};

// One thread over one epoll, with the connections that it accepted.
class FrontLoop {
 public:
  explicit FrontLoop(std::shared_ptr<FrontShared> shared);
  // Waits for the thread to end: see FrontShared.
  ~FrontLoop();
  FrontLoop(const FrontLoop&) = delete;
  FrontLoop& operator=(const FrontLoop&) = delete;

  void wake() { mailbox_->wake(); }

 private:
  using Connections = std::unordered_map<std::uint64_t, std::unique_ptr<FrontConnection>>;
  using Line = std::list<FrontConnection*>;
  using Wait = FrontConnection::Wait;

  void watch(int descriptor, std::uint32_t events, std::uint64_t token);
  void run();
  void go_on_with_unfinished();
  bool is_this_thread() const;
  void dispatch(const epoll_event& event);
  void accept_all();
  Line& line(Wait wait) { return lines_[static_cast<std::size_t>(wait)]; }
  void wait_for(FrontConnection& connection, Wait wait);
  void keep_bound(std::uint64_t newest);
  bool make_room();
  void deliver_letters();
  void sweep();
  void forget_listener();

  void receive(FrontConnection& connection);
  void finish_later(FrontConnection& connection);
  void take_in(FrontConnection& connection, std::string_view bytes);
  bool take_head(FrontConnection& connection, std::string_view& bytes);
  void take_request(FrontConnection& connection, std::string_view& bytes);
  void begin_body(FrontConnection& connection, std::string_view head_text);
  void take_body(FrontConnection& connection, std::string_view& bytes);
  void add_to_body(FrontConnection& connection, std::string_view piece);
  void finish_body(FrontConnection& connection);
  void hand_over(FrontConnection& connection, const FrontRequest& request);
  void drain(FrontConnection& connection, std::string_view bytes);

  void answer(FrontConnection& connection, const Response& response);
  void answer_last(FrontConnection& connection, const Response& response);
  void send(FrontConnection& connection);
  void finish_answer(FrontConnection& connection);
  void expire(FrontConnection& connection);
  void note_begin(FrontConnection& connection);
  void put_aside(FrontConnection& connection, std::string_view bytes);
  std::string take_input(FrontConnection& connection);
  void release_body(FrontConnection& connection);
  void close(std::uint64_t id);

  std::shared_ptr<FrontShared> shared_;
  Socket epoll_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Connections connections_;
  std::array<Line, FrontConnection::wait_kinds> lines_;   // each in the order of its deadlines
  std::vector<std::unique_ptr<FrontConnection>> closed_;  // until the end of the round
  std::deque<std::uint64_t> unfinished_;                  // had more to do when their turn was over
  int requests_left_ = 0;  // in the turn of the connection that is being served
  std::vector<Mailbox::Letter> letters_;
  std::uint64_t last_id_ = 1;  // the ids 0 and 1 stand for what else epoll watches
  std::vector<char> scratch_ = std::vector<char>(std::size_t{64} << 10);
  HttpHead head_;
  std::uint64_t handing_over_ = 0;          // the connection whose handler runs right now
  std::optional<Response> answer_at_once_;  // what it was answered meanwhile
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_sweep_ = now_;
  bool listens_ = true;
  std::thread thread_;
};

}  // namespace eventcollect
