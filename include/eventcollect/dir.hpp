// Objects as files below a directory: S3's part on one machine.
//
//   enable_dir();
//   std::shared_ptr<ObjectStore> store = open_store("dir:objects");
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/object_store.hpp"

namespace eventcollect {

namespace base {
class FileSystem;
}

// Objects as files below a directory: `dir:DIR`. An object is written under DIR/.temporary, synced,
// and renamed (or linked, for create()); then its directory is synced. What a crash left under
// .temporary goes a day later. Several processes may use the same directory.
class DirStore final : public ObjectStore {
 public:
  // Makes the directory and its parents where missing. Throws Error.
  explicit DirStore(const std::string& directory);
  DirStore(const std::string& directory, base::FileSystem& files);  // for tests: faults go in there
  ~DirStore() override;

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override;
  std::unique_ptr<ObjectReader> get(std::string_view key) override;
  void put(std::string_view key, std::string_view content) override;
  bool create(std::string_view key, std::string_view content) override;
  std::unique_ptr<ObjectWriter> write(std::string_view key) override;
  void remove(std::string_view key) override;
  void sync(std::string_view key) override;

 private:
  class Folder;
  class Writer;

  std::shared_ptr<Folder> folder_;
};

// Makes `dir:DIR` known to open_store(), and to open_sink() as an ObjectSink. Safe from any thread.
void enable_dir();

}  // namespace eventcollect
