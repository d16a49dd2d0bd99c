// What was rejected, kept as it came, so that it can be mended and replayed.
//
// A dead letter is one line of JSON:
//   {"dead_id":…,"server_time":…,"origin":"ingest"|"pump","code":…,"pointer":…,"message":…,
//    "event_id":…?,"truncated":true?,"raw_bytes":…?,"raw":… or "raw_base64":…}
// `raw` is the rejected text; bytes that are no UTF-8, or hold U+0000, stand in `raw_base64` (RFC
// 4648). A letter with `truncated` has only the beginning of the `raw_bytes` that came: it is not
// to be replayed.
#pragma once

#include <memory>
#include <string_view>

#include "eventcollect/clock.hpp"
#include "eventcollect/rejection.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect {

// Where it was rejected: `ingest` is what clients send, `pump` an event once accepted.
enum class DeadLetterOrigin : std::uint8_t { ingest, pump };

// Appends a dead letter to `letters` as an event of the name "dead_letter", so that every sink can
// store it. Its id is the dead_id, its line and its properties are the letter.
void append_dead_letter(Batch& letters, TimePoint now, DeadLetterOrigin origin,
                        const Rejection& rejection);

// Appends a dead letter of the pump for each event of `batch` that is among `rejections`.
void append_dead_letters(Batch& letters, TimePoint now, const Batch& batch,
                         const Rejections& rejections);

// Returns when all of `letters` are durable in `sink`. Throws what it throws, and Error where
// it rejects one: nowhere is left for that event then.
void write_dead_letters(Sink& sink, const Batch& letters);

// Writes to a sink, and what that rejects to another as dead letters of the pump.
class DeadLetterSink final : public Sink {
 public:
  // Neither may be null. `clock` has to outlive the sink.
  DeadLetterSink(std::shared_ptr<Sink> inner, std::shared_ptr<Sink> letters,
                 const Clock& clock = system_clock());

  // Returns when every event is durable in `inner` or, as a letter, in `letters`. `rejections`
  // tells which are letters. Throws what either of them throws.
  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  std::shared_ptr<Sink> inner_;
  std::shared_ptr<Sink> letters_;
  const Clock& clock_;
};

}  // namespace eventcollect
