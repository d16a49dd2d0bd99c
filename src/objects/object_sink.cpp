#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "eventcollect/objects.hpp"
#include "eventcollect/uuid.hpp"
#include "objects/gzip_writer.hpp"
#include "objects/layout.hpp"

namespace eventcollect {
namespace {

bool is_of_one_hour(const Batch& batch) { return Hour{batch.earliest()} == Hour{batch.latest()}; }

// The hours that a batch has events of, in order. Nearly always it is one, and then no event need
// be looked at: a batch of 100,000 has 20 MB of them.
std::vector<Hour> hours_of(const Batch& batch) {
  std::vector<Hour> hours;
  if (is_of_one_hour(batch)) return {Hour{batch.earliest()}};
  for (const Event& event : batch) {
    if (!hours.empty() && hours.back().holds(event.server_time)) continue;
    const Hour hour{event.server_time};
    const auto place = std::lower_bound(hours.begin(), hours.end(), hour);
    if (place == hours.end() || *place != hour) hours.insert(place, hour);
  }
  return hours;
}

}  // namespace

// Keeps its memory from batch to batch. What it compresses stays in the processor's caches until it
// is written.
class ObjectSink::Encoder {
 public:
  // Writes the gzipped lines of those events of `batch` that are of `hour`.
  void encode(const Batch& batch, const Hour& hour, ObjectWriter& out) {
    if (is_of_one_hour(batch)) {
      compress(batch.ndjson(), out);
    } else {
      compress_those_of(batch, hour, out);
    }
    gzip_.finish(gzipped_);
    flush(out);
  }

 private:
  void compress_those_of(const Batch& batch, const Hour& hour, ObjectWriter& out) {
    // Lines that stand side by side in the batch are compressed in one go.
    std::string_view run;
    for (const Event& event : batch) {
      if (!hour.holds(event.server_time)) continue;
      const std::size_t with_feed = event.line.size() + 1;
      if (event.line.data() == run.data() + run.size()) {
        run = {run.data(), run.size() + with_feed};
        continue;
      }
      compress(run, out);
      run = {event.line.data(), with_feed};
    }
    compress(run, out);
  }

  void compress(std::string_view run, ObjectWriter& out) {
    constexpr std::size_t piece_bytes = std::size_t{256} << 10;
    constexpr std::size_t flush_bytes = std::size_t{64} << 10;
    while (!run.empty()) {
      gzip_.write(run.substr(0, piece_bytes), gzipped_);
      run.remove_prefix(std::min(run.size(), piece_bytes));
      if (gzipped_.size() >= flush_bytes) flush(out);
    }
  }

  void flush(ObjectWriter& out) {
    out.write(gzipped_);
    gzipped_.clear();
  }

  GzipWriter gzip_;
  std::string gzipped_;
};

ObjectSink::ObjectSink(std::shared_ptr<ObjectStore> store, const Clock& clock)
    : store_{std::move(store)}, clock_{clock} {}

ObjectSink::~ObjectSink() = default;

void ObjectSink::write(const Batch& batch, Rejections&) {
  // After whatever is thrown it stands in the middle of an object, and is used no more.
  auto encoder = encoder_ ? std::move(encoder_) : std::make_unique<Encoder>();
  try {
    for (const Hour& hour : hours_of(batch)) {
      const std::string key = fmt::format("{}{}{}{}", raw_folder, hour.partition(),
                                          mint_uuid(clock_.now()).to_string(), events_suffix);
      const auto object = store_->write(key);
      encoder->encode(batch, hour, *object);
      object->commit();
    }
  } catch (const Error& error) {
    // Other objects of the batch may be there already.
    if (error.kind() == Error::misconfigured) throw;
    throw Error{Error::in_doubt, error.what()};
  }
  encoder_ = std::move(encoder);
}

}  // namespace eventcollect
