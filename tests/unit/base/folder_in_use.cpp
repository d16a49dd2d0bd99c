#include "base/folder_in_use.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "support/directory.hpp"

namespace eventcollect::test {

using base::folder_in_use;
using base::FolderInUse;

TEST_CASE("a folder is used under its former name only while that is the only one") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("rejected");
  const std::string former = directory.path("refused");

  CHECK(folder_in_use(path, former).path == path);
  CHECK(folder_in_use(path, former).notice.empty());

  std::filesystem::create_directory(former);
  const FolderInUse found = folder_in_use(path, former);
  CHECK(found.path == former);
  CHECK(found.notice.find("using '" + former + "'") != std::string::npos);
  CHECK(found.notice.find("'" + path + "'") != std::string::npos);

  std::filesystem::create_directory(path);
  CHECK(folder_in_use(path, former).path == path);
  CHECK(folder_in_use(path, former).notice.find("'" + former + "' is not used any more") == 0);
}

TEST_CASE("a file under the former name is not used as a folder") {
  const TemporaryDirectory directory;
  write_file(directory.path("refused"), "");
  const std::string path = directory.path("rejected");
  CHECK(folder_in_use(path, directory.path("refused")).path == path);
}

}  // namespace eventcollect::test
