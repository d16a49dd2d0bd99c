#include "base/notice.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <new>
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

void pass_on(std::string_view text) {
  NoticeHandler handler;
  {
    const std::lock_guard lock{current().mutex};
    handler = current().handler;
  }
  if (handler) return handler(text);
  const std::string line = fmt::format("{} {}\n", format_rfc3339(system_clock().now()), text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void set_notice_handler(NoticeHandler handler) {
  const std::lock_guard lock{current().mutex};
  current().handler = std::move(handler);
}

void base::notice_formatted(fmt::string_view format, fmt::format_args values) {
  try {
    pass_on(fmt::vformat(format, values));
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace eventcollect
