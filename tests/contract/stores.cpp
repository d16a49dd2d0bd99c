#include "contract/store_contract.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>

#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"
#include "support/directory.hpp"
#include "support/power_cut_file_system.hpp"

namespace eventcollect::test {
namespace {

class DirBench : public ObjectStoreBench {
 public:
  std::shared_ptr<ObjectStore> open() override {
    enable_dir();
    return open_store("dir:" + directory_.path("objects"));
  }

  std::vector<std::string> leftovers() override {
    return names_in(directory_.path("objects/.temporary"), "");
  }

 private:
  TemporaryDirectory directory_;
};

// A good store but for what a test changes.
class BrokenStore : public ObjectStore {
 public:
  explicit BrokenStore(std::shared_ptr<ObjectStore> inner) : inner_{std::move(inner)} {}

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    inner_->list(prefix, after, visit);
  }
  std::unique_ptr<ObjectReader> get(std::string_view key) override { return inner_->get(key); }
  void put(std::string_view key, std::string_view content) override { inner_->put(key, content); }
  bool create(std::string_view key, std::string_view content) override {
    return inner_->create(key, content);
  }
  std::unique_ptr<ObjectWriter> write(std::string_view key) override { return inner_->write(key); }
  void remove(std::string_view key) override { inner_->remove(key); }
  void sync(std::string_view key) override { inner_->sync(key); }

 protected:
  std::shared_ptr<ObjectStore> inner_;
};

template <typename Store>
class BrokenBench final : public DirBench {
 public:
  std::shared_ptr<ObjectStore> open() override { return std::make_shared<Store>(DirBench::open()); }
};

// As S3 without conditional puts.
struct OverwritingStore final : BrokenStore {
  using BrokenStore::BrokenStore;
  bool create(std::string_view key, std::string_view content) override {
    const bool is_new = inner_->get(key) == nullptr;
    inner_->put(key, content);
    return is_new;
  }
};

// As S3 where nobody asks for the second page.
struct OnePageStore final : BrokenStore {
  using BrokenStore::BrokenStore;
  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    std::size_t seen = 0;
    inner_->list(prefix, after,
                 [&](const ObjectInfo& object) { return visit(object) && ++seen < 1'000; });
  }
};

struct PutBeforeCommitStore final : BrokenStore {
  using BrokenStore::BrokenStore;
  std::unique_ptr<ObjectWriter> write(std::string_view key) override {
    struct Writer final : ObjectWriter {
      Writer(ObjectStore& store_, std::string key_) : store{store_}, key{std::move(key_)} {}
      void write(std::string_view data) override { store.put(key, content += data); }
      void commit() override { store.put(key, content); }
      ObjectStore& store;
      std::string key;
      std::string content;
    };
    return std::make_unique<Writer>(*inner_, std::string{key});
  }
};

}  // namespace

TEST_CASE("a directory keeps the contract of stores") {
  DirBench bench;
  for (const std::string& broken : violations(bench)) FAIL_CHECK(broken);
}

TEST_CASE("files that nobody has put there, under names that are no keys, are not listed") {
  const TemporaryDirectory directory;
  DirStore store{directory.path()};
  store.put("raw/1", "x");
  store.put("raw/3", "x");
  for (const char* name : {"2\t", "2\xff", ".2"}) {
    write_file(directory.path(std::string{"raw/"} + name), "x");
  }
  CHECK(keys_in(store, "raw/", "") == std::vector<std::string>{"raw/1", "raw/3"});
}

TEST_CASE("a file system without hard links cannot create, and says so at once") {
  for (const int error : {EPERM, EOPNOTSUPP, ENOSYS, EIO}) {
    CAPTURE(error);
    PowerCutFileSystem files;
    DirStore store{"objects", files};
    files.fault = [&](Call call) { return call == Call::link ? error : 0; };
    const auto expected = error == EIO ? Error::in_doubt : Error::misconfigured;
    try {
      store.create("raw/1", "x");
      FAIL("it was created");
    } catch (const Error& thrown) {
      CHECK(thrown.kind() == expected);
    }
    CHECK(files.contents().empty());
    store.put("raw/1", "x");
  }
}

TEST_CASE("a folder that was removed under a store is made again") {
  TemporaryDirectory directory;
  DirStore store{directory.path("objects")};
  for (const char* removed : {"objects/raw/h1", "objects/raw"}) {
    CAPTURE(removed);
    store.put("raw/h1/a", "x");
    std::filesystem::remove_all(directory.path(removed));
    CHECK(store.create("raw/h1/a", "x"));
    std::filesystem::remove_all(directory.path(removed));
  }
  CHECK_NOTHROW(store.sync("raw/h1/a"));
}

TEST_CASE("the suite fails for a store whose create() overwrites") {
  BrokenBench<OverwritingStore> bench;
  CHECK_FALSE(violations(bench).empty());
}

TEST_CASE("the suite fails for a store that lists the first page only") {
  BrokenBench<OnePageStore> bench;
  CHECK_FALSE(violations(bench).empty());
}

TEST_CASE("the suite fails for a store that shows what is not committed") {
  BrokenBench<PutBeforeCommitStore> bench;
  CHECK_FALSE(violations(bench).empty());
}

}  // namespace eventcollect::test
