#include "load/load_letters.hpp"

#include <fmt/format.h>

#include "eventcollect/rejection.hpp"
#include "pump/rejection_streak.hpp"

namespace eventcollect::loading {

void LoadLetters::add(const Delivery& delivery, const Rejections& rejections) {
  retry_.once([&] {
    pumping::append_letters(letters_, options_.clock->now(), delivery, rejections,
                            options_.dead_letter);
  });
  const bool is_full =
      letters_.size() >= options_.max_batch_events || letters_.bytes() >= options_.max_batch_bytes;
  if (is_full) flush();
}

void LoadLetters::add_damaged(const std::string& key, const std::string& damage) {
  Delivery all;
  all.rejections.push_back(
      {.code = code::object_damaged,
       .message = fmt::format("{} {}: what could be read of it is loaded", key, damage),
       .raw = key});
  retry_.once([&] {
    pumping::append_letters(letters_, options_.clock->now(), all, {}, options_.dead_letter);
  });
}

void LoadLetters::flush() {
  retry_.once([&] { pumping::bury(options_.dead_letter, letters_); });
  letters_.clear();
}

}  // namespace eventcollect::loading
