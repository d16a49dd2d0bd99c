#include "event/page_url.hpp"

namespace eventcollect::event {

std::string_view strip_page_url(std::string_view address, const Rules& rules,
                                std::string& scratch) {
  if (!rules.strip_query && !rules.strip_fragment) return address;
  const std::size_t hash = std::min(address.find('#'), address.size());
  const std::size_t query = std::min(address.find('?'), hash);
  const bool has_query = rules.strip_query && query < hash;
  const bool has_fragment = hash < address.size();
  if (!has_query) return rules.strip_fragment ? address.substr(0, hash) : address;
  if (!has_fragment || rules.strip_fragment) return address.substr(0, query);
  if (address.data() == scratch.data()) {
    scratch.resize(address.size());
    scratch.erase(query, hash - query);
  } else {
    scratch.assign(address.substr(0, query)).append(address.substr(hash));
  }
  return scratch;
}

}  // namespace eventcollect::event
