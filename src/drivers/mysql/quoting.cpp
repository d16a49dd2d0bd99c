#include "drivers/mysql/quoting.hpp"

#include <algorithm>

namespace eventcollect::mysql {

std::string quoted_name(std::string_view name) {
  std::string quoted{'`'};
  for (const char c : name) quoted.append(c == '`' ? 2 : 1, c);
  quoted.push_back('`');
  return quoted;
}

void append_literal(std::string& out, std::string_view text) {
  out.push_back('\'');
  while (!text.empty()) {
    const auto special =
        std::find_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '\\'; });
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    out.push_back('\\');
    out.push_back(text.front());
    text.remove_prefix(1);
  }
  out.push_back('\'');
}

std::string literal(std::string_view text) {
  std::string quoted;
  append_literal(quoted, text);
  return quoted;
}

}  // namespace eventcollect::mysql
