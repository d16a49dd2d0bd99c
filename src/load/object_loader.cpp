#include "load/object_loader.hpp"

#include <fmt/format.h>

#include "objects/layout.hpp"
#include "sink/guard.hpp"

namespace eventcollect::loading {

using objects::hourly_folder;
using sink::guard;

namespace {

// Calls a sink. What it throws is an Error then.
template <typename Call>
void checked(Call&& call) {
  if (const auto error = guard([&] { call(); })) throw Error{*error};
}

}  // namespace

// An object that is being loaded: without done() nothing remains of it.
class ObjectLoader::Attempt {
 public:
  explicit Attempt(ObjectLoader& loader) : loader_{loader}, state_{loader.state_} {}
  ~Attempt() {
    if (is_done_) return;
    loader_.ledger_.roll_back();
    loader_.state_ = state_;
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void done() { is_done_ = true; }

 private:
  ObjectLoader& loader_;
  const LoadState state_;
  bool is_done_ = false;
};

ObjectLoader::Outcome ObjectLoader::load(const ListedObject& object) {
  Outcome outcome = Outcome::stopped;
  in_doubt_.reset();
  retry_.persist([&] { outcome = try_to_load(object); });
  return outcome;
}

ObjectLoader::Outcome ObjectLoader::try_to_load(const ListedObject& object) {
  const bool has_raws =
      object.key.starts_with(hourly_folder) && plans_.has_raws(object.key, selection_.text());
  Attempt attempt{*this};
  switch (begin(object)) {
    case LoadStart::busy:
      // Most likely it is our own commit, which goes on: it is not let go of before it is settled.
      if (in_doubt_) {
        throw Error{Error::unavailable,
                    fmt::format("it is not yet known whether {} is loaded", object.key)};
      }
      return Outcome::busy;
    case LoadStart::loaded:
      if (!in_doubt_) return Outcome::skipped;
      state_ = in_doubt_->state;
      attempt.done();
      return in_doubt_->outcome;
    case LoadStart::begun:
      break;
  }
  const Outcome outcome = has_raws ? Outcome::skipped : copy(object);
  if (outcome != Outcome::loaded && outcome != Outcome::skipped) return outcome;
  commit(outcome);
  attempt.done();
  return outcome;
}

LoadStart ObjectLoader::begin(const ListedObject& object) {
  LoadStart start{};
  checked([&] { start = ledger_.begin(object.key, selection_.text()); });
  return start;
}

ObjectLoader::Outcome ObjectLoader::copy(const ListedObject& object) {
  switch (copier_.copy(object, state_)) {
    case ObjectCopier::Result::copied:
      return Outcome::loaded;
    case ObjectCopier::Result::stopped:
      return Outcome::stopped;
    case ObjectCopier::Result::gone:
      break;
  }
  if (gone_.insert(object.key).second) return Outcome::gone;
  throw Error{Error::unavailable,
              fmt::format("{} is listed again and again, but is not there", object.key)};
}

void ObjectLoader::commit(Outcome outcome) {
  try {
    checked([&] { ledger_.commit(); });
  } catch (const Error& error) {
    if (error.kind() == Error::in_doubt) in_doubt_ = {outcome, state_};
    throw;
  }
}

}  // namespace eventcollect::loading
