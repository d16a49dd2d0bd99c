// The order in which the pages of a list have to come.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "drivers/s3/answers.hpp"

namespace eventcollect::s3 {

// Checks that each page leads on, so that a list comes to its end whatever the store says. One
// thread at a time.
class ListOrder {
 public:
  // Both are whole keys; `place` names the list in messages.
  ListOrder(std::string place, std::string prefix, std::string after);

  // The token of the page behind `page`; empty if that is the last. Throws Error where a key is not
  // behind the one before or not below the prefix, where a token comes again, and where too many
  // pages in a row are empty.
  const std::string& next_token(const ListPage& page);

 private:
  void check_key(const std::string& key);
  void check_token(const std::string& token);
  [[noreturn]] void fail(std::string_view why) const;

  const std::string place_;
  const std::string prefix_;
  std::string last_;              // key
  std::set<std::string> tokens_;  // since the last key
};

}  // namespace eventcollect::s3
