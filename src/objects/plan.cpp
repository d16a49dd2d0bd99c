#include "objects/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.hpp"
#include "eventcollect/rules.hpp"
#include "eventcollect/uuid.hpp"
#include "json/scanner.hpp"
#include "objects/key.hpp"

namespace eventcollect::objects {

using base::append_format;

namespace {

constexpr std::string_view plan_suffix = ".json";

// Digits that a number begins with, at least four, and takes them off `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  // What has another form than key() gives it is not ours.
  if (error != std::errc{} || number == 0 || text.substr(0, digits) != fmt::format("{:04}", number))
    return {};
  text.remove_prefix(digits);
  return number;
}

std::string_view name_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Reads the one form that to_json() writes, and fields that a later version may add.
class PlanReader {
 public:
  PlanReader(std::string_view key, std::string_view text) : key_{key} {
    if (!json::check_utf8(text)) reject("it is not valid UTF-8");
    scanner_.begin(text);
    scanner_.more();
  }

  Plan read() {
    const auto hour = Hour::of_key(key_);
    const auto number = plan_number(key_);
    if (!hour || !number) reject("no plan has such a name");
    Plan plan{.hour = *hour, .number = *number};
    members([&](std::string_view name) { read_member(name, plan); });
    if (scanner_.more()) reject("something follows after the end");
    if (!has_state_) reject("it has no state");
    check(plan);
    return plan;
  }

 private:
  void read_member(std::string_view name, Plan& plan) {
    const std::pair<std::string_view, std::uint64_t*> numbers[] = {
        {"target_bytes", &plan.target_bytes},      {"events", &plan.events},
        {"duplicates", &plan.duplicates},          {"conflicts", &plan.conflicts},
        {"unreadable", &plan.unreadable},          {"damaged_objects", &plan.damaged_objects},
        {"missing_objects", &plan.missing_objects}};
    const auto* found = std::find_if(std::begin(numbers), std::end(numbers),
                                     [&](const auto& one) { return one.first == name; });
    if (found != std::end(numbers)) {
      *found->second = number();
    } else if (name == "plan") {
      if (number() != plan.number) reject("its number is not the one in its name");
    } else if (name == "id") {
      plan.id = text();
    } else if (name == "state") {
      plan.done = read_state();
    } else if (name == "created") {
      plan.created = from_milliseconds(static_cast<std::int64_t>(number()));
    } else if (name == "raws") {
      elements([&] { plan.raws.push_back(text()); });
    } else if (name == "outputs") {
      elements([&] { plan.outputs.push_back(read_output()); });
    } else {
      skip();
    }
  }

  bool read_state() {
    const std::string state = text();
    if (state != "open" && state != "done") reject("its state is neither open nor done");
    has_state_ = true;
    return state == "done";
  }

  PlanOutput read_output() {
    PlanOutput output;
    members([&](std::string_view name) {
      if (name == "key") {
        output.key = text();
      } else if (name == "events") {
        output.events = number();
      } else if (name == "bytes") {
        output.bytes = number();
      } else {
        skip();
      }
    });
    return output;
  }

  // What a plan names is written and removed: so nothing but what is its own.
  void check(const Plan& plan) const {
    const auto id = Uuid::parse(plan.id);
    if (!id || id->to_string() != plan.id) reject("its id is not a UUID");
    if (plan.target_bytes == 0) reject("it has no target_bytes");
    const std::string raws = std::string{raw_folder} + plan.hour.partition();
    for (const std::string& raw : plan.raws) {
      if (!raw.starts_with(raws) || !is_key(raw)) reject("a raw object is not of its hour");
    }
    if (!std::is_sorted(plan.raws.begin(), plan.raws.end())) reject("its raw objects are unsorted");
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      if (plan.outputs[i].key != plan.output_key(i)) reject("an output is not its own");
    }
  }

  template <typename Read>
  void members(const Read& read) {
    expect('{');
    if (scanner_.take('}')) return;
    do {
      json::String token;
      if (!scanner_.key(token)) reject("it is cut off or damaged");
      std::string scratch;
      read(json::unescape(token, scratch));
    } while (scanner_.take(','));
    expect('}');
  }

  template <typename Read>
  void elements(const Read& read) {
    expect('[');
    if (scanner_.take(']')) return;
    do {
      read();
    } while (scanner_.take(','));
    expect(']');
  }

  void expect(char c) {
    if (!scanner_.take(c)) reject("it is cut off or damaged");
  }

  void skip() {
    if (!scanner_.value(1)) reject("it is cut off or damaged");
  }

  std::string text() {
    json::String token;
    if (scanner_.peek() != '"' || !scanner_.string(token)) reject("a text was expected");
    std::string scratch;
    return std::string{json::unescape(token, scratch)};
  }

  std::uint64_t number() {
    const char* const begin = scanner_.position();
    skip();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(begin, scanner_.position(), value);
    if (error != std::errc{} || end != scanner_.position()) reject("a whole number was expected");
    return value;
  }

  [[noreturn]] void reject(std::string_view why) const {
    throw Error{Error::misconfigured, fmt::format("{} is no plan of a compaction: {}", key_, why)};
  }

  std::string_view key_;
  json::Scanner scanner_{max_depth};
  bool has_state_ = false;
};

}  // namespace

std::string Plan::key() const {
  return fmt::format("{}{}{:04}{}", plans_folder, hour.partition(), number, plan_suffix);
}

std::string Plan::output_key(std::size_t index) const {
  return fmt::format("{}{}{:04}-{}-{:03}{}", hourly_folder, hour.partition(), number, id, index,
                     events_suffix);
}

std::string Plan::letters_key() const {
  return fmt::format("{}{}{:04}-{}{}", quarantine_folder, hour.partition(), number, id,
                     letters_suffix);
}

std::string Plan::to_json() const {
  std::string out =
      fmt::format(R"({{"plan":{},"id":"{}","state":"{}","created":{},"target_bytes":{},"raws":[)",
                  number, id, done ? "done" : "open", to_milliseconds(created), target_bytes);
  for (const std::string& raw : raws) {
    if (out.back() != '[') out.push_back(',');
    json::append_string(out, raw);
  }
  out.push_back(']');
  if (done) {
    out += R"(,"outputs":[)";
    for (const PlanOutput& output : outputs) {
      if (out.back() != '[') out.push_back(',');
      out += R"({"key":)";
      json::append_string(out, output.key);
      append_format(out, R"(,"events":{},"bytes":{}}})", output.events, output.bytes);
    }
    append_format(out,
                  R"(],"events":{},"duplicates":{},"conflicts":{},"unreadable":{},)"
                  R"("damaged_objects":{},"missing_objects":{})",
                  events, duplicates, conflicts, unreadable, damaged_objects, missing_objects);
  }
  out += "}\n";
  return out;
}

std::optional<std::uint32_t> plan_number(std::string_view key) {
  std::string_view name = name_of(key);
  const auto number = take_number(name);
  if (!key.starts_with(plans_folder) || name != plan_suffix) return {};
  return number;
}

std::optional<std::string> plan_key_of_output(std::string_view key) {
  std::string_view rest = name_of(key);
  const auto hour = Hour::of_key(key);
  const auto number = take_number(rest);
  if (!key.starts_with(hourly_folder) || !hour || !number || !take(rest, "-")) return {};
  if (!Uuid::parse(rest.substr(0, Uuid::text_bytes))) return {};
  return Plan{.hour = *hour, .number = *number}.key();
}

Plan parse_plan(std::string_view key, std::string_view text) {
  return PlanReader{key, text}.read();
}

std::optional<Plan> read_plan(ObjectStore& store, std::string_view key) {
  const auto object = store.get(key);
  if (object == nullptr) return {};
  std::string text;
  constexpr std::size_t step_bytes = 64 << 10;
  for (;;) {
    const std::size_t before = text.size();
    text.resize(before + step_bytes);
    const std::size_t got = object->read(text.data() + before, step_bytes);
    text.resize(before + got);
    if (got == 0) break;
  }
  return parse_plan(key, text);
}

std::vector<std::string> list_plans(ObjectStore& store, const Hour& hour) {
  std::vector<std::string> keys;
  store.list(std::string{plans_folder} + hour.partition(), "", [&](const ObjectInfo& object) {
    if (plan_number(object.key)) keys.push_back(object.key);
    return true;
  });
  std::sort(keys.begin(), keys.end(), [](const std::string& a, const std::string& b) {
    return plan_number(a) < plan_number(b);
  });
  return keys;
}

}  // namespace eventcollect::objects
