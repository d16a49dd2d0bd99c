// A store before another, with a hook around each call: to fail there, to wait, or to do something
// meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "eventcollect/object_store.hpp"

namespace eventcollect::test {

struct StoreCall {
  enum Kind : std::uint8_t { list, get, read, put, create, write, commit, remove };
  Kind kind;
  std::string key;    // or the prefix
  bool done = false;  // the hook is called before the call, and after it
};

class HookedStore final : public ObjectStore {
 public:
  // Called by any thread that uses the store; what it throws is thrown.
  using Hook = std::function<void(const StoreCall&)>;

  // `inner` outlives it.
  HookedStore(ObjectStore& inner, Hook hook) : inner_{inner}, hook_{std::move(hook)} {}

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    around(StoreCall::list, prefix, [&] { inner_.list(prefix, after, visit); });
  }

  std::unique_ptr<ObjectReader> get(std::string_view key) override {
    std::unique_ptr<ObjectReader> reader;
    around(StoreCall::get, key, [&] { reader = inner_.get(key); });
    if (reader == nullptr) return nullptr;
    return std::make_unique<Reader>(*this, std::string{key}, std::move(reader));
  }

  void put(std::string_view key, std::string_view content) override {
    around(StoreCall::put, key, [&] { inner_.put(key, content); });
  }

  bool create(std::string_view key, std::string_view content) override {
    bool created = false;
    around(StoreCall::create, key, [&] {
      created = inner_.create(key, content);
      if (!creates_once) {
        inner_.put(key, content);
        created = true;
      }
    });
    return created;
  }

  std::unique_ptr<ObjectWriter> write(std::string_view key) override {
    return std::make_unique<Writer>(*this, std::string{key}, inner_.write(key));
  }

  void remove(std::string_view key) override {
    around(StoreCall::remove, key, [&] { inner_.remove(key); });
  }

  void sync(std::string_view key) override { inner_.sync(key); }

  bool creates_once = true;  // false: as a store that ignores the condition

 private:
  class Reader final : public ObjectReader {
   public:
    Reader(HookedStore& store, std::string key, std::unique_ptr<ObjectReader> inner)
        : store_{store}, key_{std::move(key)}, inner_{std::move(inner)} {}

    std::size_t read(char* out, std::size_t bytes) override {
      std::size_t got = 0;
      store_.around(StoreCall::read, key_, [&] { got = inner_->read(out, bytes); });
      return got;
    }

   private:
    HookedStore& store_;
    std::string key_;
    std::unique_ptr<ObjectReader> inner_;
  };

  class Writer final : public ObjectWriter {
   public:
    Writer(HookedStore& store, std::string key, std::unique_ptr<ObjectWriter> inner)
        : store_{store}, key_{std::move(key)}, inner_{std::move(inner)} {}

    void write(std::string_view data) override {
      store_.around(StoreCall::write, key_, [&] { inner_->write(data); });
    }
    void commit() override {
      store_.around(StoreCall::commit, key_, [&] { inner_->commit(); });
    }

   private:
    HookedStore& store_;
    std::string key_;
    std::unique_ptr<ObjectWriter> inner_;
  };

  template <typename Work>
  void around(StoreCall::Kind kind, std::string_view key, const Work& work) {
    hook_({kind, std::string{key}, false});
    work();
    hook_({kind, std::string{key}, true});
  }

  ObjectStore& inner_;
  Hook hook_;
};

}  // namespace eventcollect::test
