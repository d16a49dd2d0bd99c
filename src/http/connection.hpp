// HTTP/1.1 on one connection, without its socket: bytes go in; requests, and bytes to send, come
// out.
//
//   connection.begin_turn(bytes);
//   for (;;) {
//     switch (connection.next()) {
//       case Step::head:      wanted(connection.request()) ? connection.take_body(max_bytes)
//                                                          : connection.answer(response);
//       case Step::too_large: connection.answer(response);
//       case Step::request:   connection.answer(response);    // now or after the turn
//       case Step::send:      connection.sent(send_some(connection.output()));
//       …
//     }
//   }
//   connection.end_turn();
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/http.hpp"
#include "http/byte_budget.hpp"
#include "http/chunked.hpp"
#include "http/date.hpp"
#include "http/head.hpp"
#include "http/limits.hpp"
#include "http/response.hpp"
#include "http/statistics.hpp"

namespace eventcollect::http {

// What has to be done before a connection goes on.
enum class Step : std::uint8_t {
  none,       // nothing: it waits for bytes, for an answer, or for its end
  head,       // a request's head is complete: call take_body() or answer()
  too_large,  // the body is larger than take_body() allowed: call answer()
  request,    // a request is complete: call answer(), now or later
  send,       // output() has to be sent: call sent()
  shut_down,  // the last answer is sent: shut down the sending side of the socket
};

// What a connection waits for. Each kind has a time limit of its own.
enum class Wait : std::uint8_t {
  idle,     // for the first byte of a request
  request,  // for the rest of a request
  handler,  // for the answer, without a limit: it is ours to give
  client,   // for the client to take the answer
  close,    // for the client to close, after the last answer
};
inline constexpr std::size_t wait_kinds = 5;

// What the connections of a loop have in common.
struct ConnectionContext {
  const Limits& limits;
  ByteBudget& buffered;  // for requests that are not complete
  ByteBudget& unsent;    // for answers that clients do not take
  Counters& counters;
  const Date& date;
};

// One thread at a time.
class Connection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `context` has to outlive it. `peer` is the client's address.
  Connection(std::string peer, const ConnectionContext& context);

  // A turn deals with bytes that have come by `now`, if any. They have to stay until end_turn(),
  // which buffers what of them is not used up, and of the answers what is not sent; it closes the
  // connection where the budgets have no room.
  void begin_turn(std::string_view bytes, TimePoint now);
  void end_turn();

  // What has to be done next. Call it until it says `none`, or end the turn before.
  Step next();

  // The request, all but its body for Step::head and Step::too_large. Its views last until next()
  // or end_turn() is called.
  const Request& request() const { return incoming_->head.request; }
  std::size_t head_bytes() const { return incoming_->head.text.size(); }

  // The body is wanted, if it has at most so many bytes.
  void take_body(std::size_t max_bytes);

  // The answer to the request, with a body that it shares with others in place of its own, if any.
  // It is the last one if `is_last`, if the client asked for it, or if the request's body is
  // unread: what follows is then drained. If memory is short the answer is still due.
  void answer(const Response& response, bool is_last, const SharedBody& shared_body = nullptr);

  // Whether the answer is due to the request for which waits_begun() was `wait` at Step::request.
  bool awaits_answer(std::uint32_t wait) const {
    return stage_ == Stage::handler && waits_begun_ == wait;
  }

  // Bytes for the client, as long as Step::send asks for them to be sent.
  std::string_view output() const;
  // So many bytes from the front of output() are sent.
  void sent(std::size_t bytes);

  // Its time limit has passed, between two turns. A client in the middle of a request is told so.
  void expire();
  // The same where others need its room before that.
  void evict();

  // Also for a client that sends no more, or is gone.
  void close();

  bool is_closed() const { return stage_ == Stage::closed; }
  bool wants_bytes() const;          // false while the rest of a request is of no use yet
  bool is_between_requests() const;  // the next step would begin a request, if any has come
  bool has_buffered_input() const { return !input_.empty(); }

  Wait wait() const { return wait_; }
  // How often it began to wait for something. The time limit runs anew each time.
  std::uint32_t waits_begun() const { return waits_begun_; }

 private:
  enum class Stage : std::uint8_t {
    head,      // the next request's head is awaited, or part of it has come
    decision,  // the head is complete, and whether the body is wanted is not known yet
    body,      // the body is being read
    handler,   // the answer is awaited
    answer,    // the answer is being sent
    last,      // the last answer is sent
    draining,  // what still comes is thrown away
    closed,
  };

  // A request that is being read.
  struct Incoming {
    Head head;
    std::size_t max_body_bytes = 0;
    ChunkedReader chunks;
    std::string body;  // as far as it came before the rest
  };

  enum class Gathered : std::uint8_t { yes, too_large, no_room };

  Step read_head();
  void begin_request();
  Step read_body();
  Step read_chunks();
  Gathered gather(std::string_view piece);
  Step complete(std::string_view body);
  std::chrono::milliseconds upload_time() const;
  Step reject_too_large();
  Step reject(const Response& response);
  Step drain();
  void append_output(const Response& response, const SharedBody& shared_body);
  void forget_output();
  void forget_request();
  void wait_for(Wait wait);

  const std::string peer_;
  const ConnectionContext& context_;

  Stage stage_ = Stage::head;
  Wait wait_ = Wait::idle;
  TimePoint now_{};    // of this turn
  TimePoint began_{};  // when the first byte of the request came that is waited for
  std::uint32_t waits_begun_ = 1;
  Persistence persistence_ = Persistence::as_usual;  // after the answer that is due
  bool is_head_request_ = false;                     // its answer has no body

  std::string_view unread_;     // during a turn
  std::string input_;           // what is unread between turns, at its end
  std::size_t used_bytes_ = 0;  // of input_, before that
  HeadWatch head_watch_;
  ByteShare input_share_;
  std::unique_ptr<Incoming> incoming_;
  ByteShare incoming_share_;
  std::string output_;
  SharedBody shared_output_;    // what follows output_, if any; not counted in the share
  std::size_t sent_bytes_ = 0;  // of both
  ByteShare output_share_;
  std::size_t drained_bytes_ = 0;
};

}  // namespace eventcollect::http
