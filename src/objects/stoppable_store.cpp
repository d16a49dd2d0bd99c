#include "objects/stoppable_store.hpp"

namespace eventcollect::objects {

class StoppableStore::Reader final : public ObjectReader {
 public:
  Reader(std::unique_ptr<ObjectReader> inner, std::stop_token stop)
      : inner_{std::move(inner)}, stop_{std::move(stop)} {}

  std::size_t read(char* out, std::size_t bytes) override {
    check_stop(stop_);
    return inner_->read(out, bytes);
  }

 private:
  std::unique_ptr<ObjectReader> inner_;
  const std::stop_token stop_;
};

class StoppableStore::Writer final : public ObjectWriter {
 public:
  Writer(std::unique_ptr<ObjectWriter> inner, std::stop_token stop)
      : inner_{std::move(inner)}, stop_{std::move(stop)} {}

  void write(std::string_view data) override {
    check_stop(stop_);
    inner_->write(data);
  }
  void commit() override { inner_->commit(); }

 private:
  std::unique_ptr<ObjectWriter> inner_;
  const std::stop_token stop_;
};

void StoppableStore::list(std::string_view prefix, std::string_view after, const Visit& visit) {
  check_stop(stop_);
  inner_.list(prefix, after, [&](const ObjectInfo& object) {
    check_stop(stop_);
    return visit(object);
  });
}

std::unique_ptr<ObjectReader> StoppableStore::get(std::string_view key) {
  check_stop(stop_);
  auto reader = inner_.get(key);
  if (reader == nullptr) return nullptr;
  return std::make_unique<Reader>(std::move(reader), stop_);
}

void StoppableStore::put(std::string_view key, std::string_view content) {
  check_stop(stop_);
  inner_.put(key, content);
}

bool StoppableStore::create(std::string_view key, std::string_view content) {
  check_stop(stop_);
  return inner_.create(key, content);
}

std::unique_ptr<ObjectWriter> StoppableStore::write(std::string_view key) {
  check_stop(stop_);
  return std::make_unique<Writer>(inner_.write(key), stop_);
}

void StoppableStore::remove(std::string_view key) {
  check_stop(stop_);
  inner_.remove(key);
}

void StoppableStore::sync(std::string_view key) {
  check_stop(stop_);
  inner_.sync(key);
}

}  // namespace eventcollect::objects
