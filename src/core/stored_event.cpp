#include "eventcollect/stored_event.hpp"

namespace eventcollect {

struct StoredEventReader::State {};

StoredEventReader::StoredEventReader() = default;
StoredEventReader::~StoredEventReader() = default;
StoredEventReader::StoredEventReader(StoredEventReader&&) noexcept = default;
StoredEventReader& StoredEventReader::operator=(StoredEventReader&&) noexcept = default;
std::optional<Rejection> StoredEventReader::append(std::string_view, Batch&) { return {}; }

}  // namespace eventcollect
