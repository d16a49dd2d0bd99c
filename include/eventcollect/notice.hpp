// What an operator should know although nothing has failed: that a damaged file was mended, say.
//
//   set_notice_handler([](std::string_view notice) { my_log.warn(notice); });
//
// Without a handler each notice is a line on standard error, with the time before it.
#pragma once

#include <functional>
#include <string_view>

namespace eventcollect {

// Called on the thread on which a sink or a source finds something to say, one sentence at a time.
// May be called by several threads at once; must not throw.
using NoticeHandler = std::function<void(std::string_view notice)>;

// From now on, for the whole process. An empty handler brings the default back. Safe from any
// thread.
void set_notice_handler(NoticeHandler handler);

}  // namespace eventcollect
