// A file system of a few pages, which a test fills to the last byte.
//
//   const auto disk = TinyDisk::make(1 << 20);
//   if (!disk) return;                      // reported as a skip
//   disk->fill();
//   …
//   disk->make_room();
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "support/directory.hpp"
#include "support/services.hpp"

namespace eventcollect::test {

// A tmpfs that all processes see and that everyone may read. It goes with this.
class TinyDisk {
 public:
  // Null, and a skip, where the system does not let us mount. Under CI that is a failure for root.
  static std::unique_ptr<TinyDisk> make(std::size_t bytes) {
    auto disk = std::unique_ptr<TinyDisk>{new TinyDisk};
    const std::string options = "mode=755,size=" + std::to_string(bytes);
    disk->is_mounted_ =
        mount("tmpfs", disk->path().c_str(), "tmpfs", MS_NODEV | MS_NOSUID, options.c_str()) == 0;
    if (disk->is_mounted_) return disk;
    if (std::getenv("CI") != nullptr && geteuid() == 0) FAIL("no tmpfs can be mounted");
    MESSAGE("skipped: no tmpfs can be mounted");
    ++skipped_tests();
    return nullptr;
  }
  ~TinyDisk() {
    if (is_mounted_) umount2(path().c_str(), MNT_DETACH);
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;

  std::string path(const std::string& name = {}) const { return directory_.path(name); }

  // A folder there for the tables of a server, which tests/services.py runs as this account.
  std::string folder_of_server() const {
    const std::string folder = path("tables");
    const passwd* account = getpwnam("postgres");
    REQUIRE(account != nullptr);
    REQUIRE(mkdir(folder.c_str(), 0700) == 0);
    REQUIRE(chown(folder.c_str(), account->pw_uid, account->pw_gid) == 0);
    return folder;
  }

  // Takes the last byte.
  void fill() const {
    const int file = open(path("filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    const std::vector<char> page(4'096);
    while (write(file, page.data(), page.size()) > 0) {
    }
    const int error = errno;
    close(file);
    REQUIRE(error == ENOSPC);
  }
  void make_room() const { REQUIRE(unlink(path("filler").c_str()) == 0); }

 private:
  TinyDisk() { chmod(path().c_str(), 0755); }

  TemporaryDirectory directory_;
  bool is_mounted_ = false;
};

}  // namespace eventcollect::test
