// Where objects lie: named, immutable once written, listed by prefix. S3 is one, a directory
// another.
//
//   std::shared_ptr<ObjectStore> store = open_store("s3://bucket/site");     // see objects.hpp
//   store->put("raw/dt=2026-11-23/hour=18/1.json.gz", content);
//   store->list("raw/", "", [](const ObjectInfo& object) { …; return true; });
//
// A key is UTF-8 text relative to where the store was opened: names joined by '/', none of them
// empty, longer than 255 bytes or beginning with '.', without control characters; 900 bytes in all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/clock.hpp"
#include "eventcollect/error.hpp"

namespace eventcollect {

struct ObjectInfo {
  std::string key{};
  std::uint64_t bytes = 0;
  TimePoint modified{};  // by the store's clock
};

// Reads one object from its beginning to its end. One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;

  // Writes at most `bytes` (above zero) to `out` and returns how many; 0 at the end. Throws
  // Error; where the object was replaced or removed since, it does that or reads the old one.
  virtual std::size_t read(char* out, std::size_t bytes) = 0;
};

// Writes one object piece by piece. One thread at a time.
class ObjectWriter {
 public:
  // Without a commit() nothing is left behind.
  virtual ~ObjectWriter() = default;

  // Throws Error; nothing is stored then.
  virtual void write(std::string_view data) = 0;

  // On return the object is there, whole and durable, in place of any that was. Called once, after
  // the last write(). Throws Error: in_doubt where the object may be there all the same.
  virtual void commit() = 0;
};

// All functions are safe from any thread, return or throw Error in bounded time, and see
// everything that was written before they were called (which S3 promises since December 2020).
// Where put(), create() or a writer's commit() throws Error, its kind says what became of the
// object: in_doubt means that it may be there, any other kind that nothing was stored.
// All throw std::invalid_argument for a malformed key.
class ObjectStore {
 public:
  using Visit = std::function<bool(const ObjectInfo&)>;

  virtual ~ObjectStore() = default;

  // Calls `visit` for each object whose key begins with `prefix` and is greater than `after`, in
  // the order of the keys' bytes, until it returns false. `visit` may use the store: what that
  // changes is seen or not.
  virtual void list(std::string_view prefix, std::string_view after, const Visit& visit) = 0;

  // Null where there is no such object.
  virtual std::unique_ptr<ObjectReader> get(std::string_view key) = 0;

  // On return the object is durable, in place of any that was; nobody sees a part of it.
  virtual void put(std::string_view key, std::string_view content) = 0;

  // The same, but only where there is no such object: else false, and nothing is changed. Of many
  // that try at once, one succeeds. Where the answer to a try is lost, the store finds out by
  // reading whether it succeeded, so each content should be unique.
  virtual bool create(std::string_view key, std::string_view content) = 0;

  // As put(), for what does not fit into memory.
  virtual std::unique_ptr<ObjectWriter> write(std::string_view key) = 0;

  // Nothing happens where there is no such object.
  virtual void remove(std::string_view key) = 0;

  // On return the object that was seen under `key` is durable: its writer may have been killed
  // before commit() had returned. To be called before something is done that relies on it. Does
  // nothing where objects are durable as soon as they can be seen, as in S3.
  virtual void sync(std::string_view /*key*/) {}
};

}  // namespace eventcollect
