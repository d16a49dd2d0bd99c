#include "event/fields.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace eventcollect::event;

TEST_CASE("a field is found by its name") {
  for (const FieldTraits& traits : event_fields) {
    CAPTURE(traits.name);
    CHECK(find_field(traits.name) == index_of(traits.field));
  }
  for (const auto* name : {"", "even", "events", "Event", "event ", "batch"}) {
    CAPTURE(name);
    CHECK(find_field(name) == field_count);
  }
}

TEST_CASE("each field has a name and a column of its own") {
  std::set<std::string_view> names;
  for (const FieldTraits& traits : event_fields) names.insert(traits.name);
  CHECK(names.size() == field_count);
  const std::set<Field> columns{column_order.begin(), column_order.end()};
  CHECK(columns.size() == field_count);
}

TEST_CASE("what the server sets is known from what a client may send") {
  std::string of_server;
  std::string required;
  for (const FieldTraits& traits : event_fields) {
    if (traits.owner == FieldOwner::server) of_server.append(traits.name) += ' ';
    if (traits.is_required) required.append(traits.name) += ' ';
  }
  CHECK(of_server == "server_time event_time context violations ");
  CHECK(required == "event_id event properties server_time event_time ");
}
