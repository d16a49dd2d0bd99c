#include "eventcollect/properties.hpp"

#include <fmt/format.h>

#include <cmath>

#include "json/text.hpp"

namespace eventcollect {
namespace {

std::string quoted(std::string_view text) {
  std::string json = "\"";
  json::append_escaped(json, text);
  json.push_back('"');
  return json;
}

}  // namespace

PropertyValue::PropertyValue(double value)
    // A literal beyond every double: the rules then reject it by the same code as a client's.
    : json_{std::isfinite(value) ? fmt::format("{}", value) : "1e999"} {}

PropertyValue::PropertyValue(std::string_view value) : json_{quoted(value)} {}

PropertyValue::PropertyValue(std::initializer_list<PropertyValue> items) : json_{"["} {
  for (const PropertyValue& item : items) {
    if (json_.size() > 1) json_.push_back(',');
    json_ += item.json();
  }
  json_.push_back(']');
}

PropertyValue::PropertyValue(const Properties& members) : json_{members.json()} {}

Properties::Properties(std::initializer_list<Member> members) : json_{"{"} {
  for (const Member& member : members) {
    if (json_.size() > 1) json_.push_back(',');
    json_ += quoted(member.name) + ':' + member.value.json();
  }
  json_.push_back('}');
}

}  // namespace eventcollect
