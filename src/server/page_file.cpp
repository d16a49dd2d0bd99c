#include "server/page_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/errno_text.hpp"
#include "base/file_system.hpp"
#include "base/printable.hpp"
#include "eventcollect/client.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/url.hpp"
#include "server/demo_page.hpp"

namespace eventcollect::server {
namespace {

using base::FileSystem;

[[noreturn]] void fail(const std::string& path, std::int64_t error) {
  // What only a pipe says.
  const std::string why = error == -ESPIPE ? "it is not a regular file" : base::errno_text(error);
  throw ConfigError{fmt::format("--page: cannot read {}: {}", base::in_quotes(path), why)};
}

std::string in_attribute(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string demo_page_for(std::string_view events_path) {
  std::string page{demo_page};
  const std::string usual = client_path(EndpointOptions{}.path);
  const std::size_t found = page.find(usual);
  return page.replace(found, usual.size(), in_attribute(client_path(events_path)));
}

}  // namespace

http::SharedBody read_page(const std::string& path, std::string_view events_path) {
  if (path.empty()) return std::make_shared<const std::string>(demo_page_for(events_path));
  FileSystem& files = base::posix_file_system();
  const base::Descriptor file{files, files.open(path, FileSystem::Open::read)};
  if (file.get() < 0) fail(path, file.get());
  std::string page;
  std::array<char, std::size_t{64} << 10> piece{};
  while (page.size() <= max_page_bytes) {
    const std::int64_t got =
        base::read_again(files, file.get(), piece.data(), piece.size(), page.size());
    if (got < 0) fail(path, got);
    if (got == 0) return std::make_shared<const std::string>(std::move(page));
    page.append(piece.data(), static_cast<std::size_t>(got));
  }
  throw ConfigError{
      fmt::format("--page: {} is larger than {} MiB", base::in_quotes(path), max_page_bytes >> 20)};
}

}  // namespace eventcollect::server
