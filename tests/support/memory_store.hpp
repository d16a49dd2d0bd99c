// A store of objects in memory: as any other, but fast, so that a test can have thousands.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "eventcollect/object_store.hpp"

namespace eventcollect::test {

class MemoryStore final : public ObjectStore {
 public:
  // `clock` says when an object was written, and outlives the store.
  explicit MemoryStore(const Clock& clock = system_clock()) : clock_{clock} {}

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    std::string last{after};
    for (;;) {
      ObjectInfo info;
      {
        const std::lock_guard lock{mutex_};
        auto found = objects_.upper_bound(last);
        if (last < prefix) found = objects_.lower_bound(prefix);
        if (found == objects_.end() || !found->first.starts_with(prefix)) return;
        info = {found->first, found->second.content->size(), found->second.modified};
      }
      if (!visit(info)) return;
      last = info.key;
    }
  }

  std::unique_ptr<ObjectReader> get(std::string_view key) override {
    const std::lock_guard lock{mutex_};
    const auto found = objects_.find(key);
    if (found == objects_.end()) return nullptr;
    return std::make_unique<Reader>(found->second.content);
  }

  void put(std::string_view key, std::string_view content) override {
    const std::lock_guard lock{mutex_};
    objects_.insert_or_assign(std::string{key}, object(content));
  }

  bool create(std::string_view key, std::string_view content) override {
    const std::lock_guard lock{mutex_};
    return objects_.try_emplace(std::string{key}, object(content)).second;
  }

  std::unique_ptr<ObjectWriter> write(std::string_view key) override {
    return std::make_unique<Writer>(*this, std::string{key});
  }

  void remove(std::string_view key) override {
    const std::lock_guard lock{mutex_};
    const auto found = objects_.find(key);
    if (found != objects_.end()) objects_.erase(found);
  }

 private:
  struct Object {
    std::shared_ptr<const std::string> content;
    TimePoint modified;
  };

  class Reader final : public ObjectReader {
   public:
    explicit Reader(std::shared_ptr<const std::string> content) : content_{std::move(content)} {}

    std::size_t read(char* out, std::size_t bytes) override {
      const std::size_t count = content_->copy(out, bytes, offset_);
      offset_ += count;
      return count;
    }

   private:
    std::shared_ptr<const std::string> content_;
    std::size_t offset_ = 0;
  };

  class Writer final : public ObjectWriter {
   public:
    Writer(MemoryStore& store, std::string key) : store_{store}, key_{std::move(key)} {}

    void write(std::string_view data) override { content_.append(data); }
    void commit() override { store_.put(key_, content_); }

   private:
    MemoryStore& store_;
    std::string key_;
    std::string content_;
  };

  Object object(std::string_view content) const {
    return {std::make_shared<const std::string>(content), clock_.now()};
  }

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Object, std::less<>> objects_;
};

}  // namespace eventcollect::test
