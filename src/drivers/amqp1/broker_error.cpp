#include "drivers/amqp1/broker_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.hpp"

namespace eventcollect::amqp1 {
namespace {

using namespace std::string_view_literals;

// What an operator has to mend. Artemis says illegal-state where a topic is to be a queue.
constexpr std::array misconfigurations{
    "amqp:unauthorized-access"sv, "amqp:not-found"sv,     "amqp:not-allowed"sv,
    "amqp:not-implemented"sv,     "amqp:invalid-field"sv, "amqp:precondition-failed"sv,
    "amqp:illegal-state"sv,
};

constexpr std::array faults_of_messages{
    "amqp:decode-error"sv,
    "amqp:invalid-field"sv,
    "amqp:link:message-size-exceeded"sv,
};

std::string_view name_of(pn_condition_t* condition) {
  return condition == nullptr ? "" : text_of(pn_condition_get_name(condition));
}

bool holds(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string text_of(pn_condition_t* condition) {
  const std::string_view description = text_of(pn_condition_get_description(condition));
  return base::printable(
      fmt::format("{}{}{}", name_of(condition), description.empty() ? "" : ": ", description));
}

ConnectionLost error_of(pn_condition_t* condition, std::string_view otherwise) {
  if (condition == nullptr || !pn_condition_is_set(condition)) {
    return {Error::unavailable, std::string{otherwise}};
  }
  const std::string_view description = text_of(pn_condition_get_description(condition));
  if (description.find("certificate verify failed") != std::string_view::npos) {
    return {Error::misconfigured,
            "the broker's certificate is not signed by an authority in ca_file, or is not for this "
            "host (a DNS name of it has to be)"};
  }
  const bool is_misconfigured = holds(misconfigurations, name_of(condition));
  return {is_misconfigured ? Error::misconfigured : Error::unavailable, text_of(condition)};
}

bool blames_the_message(pn_condition_t* condition) {
  return holds(faults_of_messages, name_of(condition));
}

}  // namespace eventcollect::amqp1
