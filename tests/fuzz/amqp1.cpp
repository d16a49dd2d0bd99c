// Any bytes as a message of AMQP 1.0.
#include <functional>

#include "drivers/amqp1/message.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"

namespace {

using namespace eventcollect;

void check_input(std::string_view input) {
  const std::string_view body = amqp1::body_of(input);
  const std::less_equal<const char*> is_not_behind;
  fuzz::require(is_not_behind(input.data(), body.data()) &&
                    is_not_behind(body.data() + body.size(), input.data() + input.size()),
                "a body is a part of its message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 4 << 10, .bytes_per_byte = 1, .copies_per_byte = 200};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
