// What every store of objects has to do, as one suite. A new store gets a ObjectStoreBench and a
// call of violations().
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "eventcollect/object_store.hpp"

namespace eventcollect::test {

// A store in its real surroundings.
class ObjectStoreBench {
 public:
  virtual ~ObjectStoreBench() = default;

  // The store, opened anew.
  virtual std::shared_ptr<ObjectStore> open() = 0;

  // What is in its place beyond its objects: the remains of writes, say.
  virtual std::vector<std::string> leftovers() = 0;
};

// Puts the store through the contract of object_store.hpp. Returns what it broke, one sentence
// each; nothing if it is a good store. It has to be empty, and is not afterwards.
std::vector<std::string> violations(ObjectStoreBench& bench);

// Helpers for tests of stores.

// Of `bytes` bytes, which depend on `seed`; no two alike are near each other.
std::string content_of(std::size_t bytes, unsigned seed = 0);

// The whole object; "(none)" where there is none.
std::string read_object(ObjectStore& store, const std::string& key);

// The keys in the order in which they are listed.
std::vector<std::string> keys_in(ObjectStore& store, const std::string& prefix = "",
                                 const std::string& after = "");

}  // namespace eventcollect::test
