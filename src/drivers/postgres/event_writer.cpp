#include "drivers/postgres/event_writer.hpp"

namespace eventcollect::postgres {
namespace {

// So many rows or fewer are tried one by one when one of them is rejected. To halve them further
// would take as long and, where many are rejected, longer.
constexpr std::size_t few_rows = 64;

// How often a deadlock is tried again.
constexpr int max_retries = 3;

}  // namespace

std::optional<ServerError> EventWriter::store(const Batch& batch, Rejections& rejections) {
  const Way way = batch.empty() ? Way::straight : copier_.best_way();
  return store(batch, event::by_id(batch), way, rejections);
}

// Rows are a run of those ordered by id, so that the halves come in that order too.
std::optional<ServerError> EventWriter::store(const Batch& batch, Rows rows, Way way,
                                              Rejections& rejections) {
  auto error = copy(batch, rows, way);
  if (!error || !error->is_poison()) return error;
  if (rows.size() <= few_rows) return insert(batch, rows, rejections);
  // Where the key is there already, rows take the way that passes over them. A key of the user's
  // own fails there too.
  if (way == Way::straight && error->is_duplicate_key()) {
    copier_.expect_duplicates();
    return store(batch, rows, Way::staged, rejections);
  }
  const std::size_t half = rows.size() / 2;
  if ((error = store(batch, rows.first(half), way, rejections))) return error;
  return store(batch, rows.subspan(half), way, rejections);
}

std::optional<ServerError> EventWriter::copy(const Batch& batch, Rows rows, Way way) {
  auto error = repeat_while_passing([&] { return copier_.copy(batch, rows, way); });
  if (!error && !rows.empty()) has_stored_ = true;
  return error;
}

std::optional<ServerError> EventWriter::insert(const Batch& batch, Rows rows,
                                               Rejections& rejections) {
  Rejections of_attempt;
  auto error = repeat_while_passing([&] {
    of_attempt.clear();
    return inserter_.insert(batch, rows, of_attempt);
  });
  rejections.add(of_attempt);
  return error;
}

// Another transaction that waits for rows stored here waits until our end: then a repetition would
// only be the same deadlock.
template <typename Attempt>
std::optional<ServerError> EventWriter::repeat_while_passing(const Attempt& attempt) const {
  auto error = attempt();
  const int retries = has_stored_ ? 0 : max_retries;
  for (int i = 0; i < retries && error && error->is_passing(); ++i) error = attempt();
  return error;
}

}  // namespace eventcollect::postgres
