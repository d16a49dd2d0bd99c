// Any bytes as a plan of a compaction: an error that says so, or a plan that reads back the same.
#include "objects/plan.hpp"

#include "fuzz/require.hpp"
#include "fuzz/work.hpp"

namespace {

using namespace eventcollect;
using namespace eventcollect::objects;

void check_input(std::string_view text) {
  constexpr std::string_view key = "plans/dt=2026-11-23/hour=18/0001.json";
  plan_number(text);
  plan_key_of_output(text);
  Hour::of_key(text);
  try {
    const Plan plan = parse_plan(key, text);
    fuzz::require(plan.key() == key, "a plan is the one that its key says");
    const std::string written = plan.to_json();
    fuzz::require(parse_plan(key, written).to_json() == written, "a plan reads back the same");
  } catch (const Error& error) {
    fuzz::require(error.kind() == Error::misconfigured, "a broken plan stays broken");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 64 << 10, .bytes_per_byte = 100, .copies_per_byte = 100};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
