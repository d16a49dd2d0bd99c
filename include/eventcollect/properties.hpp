// Typed properties for events that the backend itself collects.
//
//   events.track("order_paid", {{"cents", 1999}, {"gift", true}, {"tags", {"new", "eu"}}});
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace eventcollect {

class Properties;

// A JSON value, kept as its text. Conversions are implicit, so that a list of properties reads like
// JSON. Braces make an array, even around one value; an object is Properties{{"name", value}, …}.
class PropertyValue {
 public:
  PropertyValue(std::nullptr_t) : json_{"null"} {}
  PropertyValue(bool value) : json_{value ? "true" : "false"} {}
  PropertyValue(std::integral auto value) : json_{std::to_string(value)} {}
  PropertyValue(double value);            // the shortest text that reads back the same
  PropertyValue(std::string_view value);  // UTF-8
  // Parentheses: braces would mean an array of one.
  PropertyValue(const char* value) : PropertyValue(std::string_view{value}) {}
  PropertyValue(const std::string& value) : PropertyValue(std::string_view{value}) {}
  PropertyValue(std::initializer_list<PropertyValue> items);  // an array
  PropertyValue(const Properties& members);                   // an object

  const std::string& json() const { return json_; }

 private:
  std::string json_;
};

// A JSON object, kept as its text. What JSON cannot express (NaN, infinity, bytes that are not
// UTF-8) is rejected when the event is collected, as if a client had sent it.
class Properties {
 public:
  struct Member {
    std::string_view name;
    PropertyValue value;
  };

  Properties() : json_{"{}"} {}
  Properties(std::initializer_list<Member> members);

  const std::string& json() const { return json_; }

 private:
  std::string json_;
};

}  // namespace eventcollect
