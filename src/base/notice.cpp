#include "base/notice.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "eventcollect/clock.hpp"
#include "eventcollect/notice.hpp"

namespace eventcollect {
namespace {

struct Current {
  std::mutex mutex;
  NoticeHandler handler;
};

Current& current() {
  static Current instance;
  return instance;
}

}  // namespace

void set_notice_handler(NoticeHandler handler) {
  const std::lock_guard lock{current().mutex};
  current().handler = std::move(handler);
}

void base::notice(std::string_view text) {
  NoticeHandler handler;
  {
    const std::lock_guard lock{current().mutex};
    handler = current().handler;
  }
  if (handler) return handler(text);
  const std::string line = fmt::format("{} {}\n", format_rfc3339(system_clock().now()), text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace eventcollect
