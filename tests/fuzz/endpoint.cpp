// Any request at all gets one answer, of a status that HTTP has, and the same in both forms.
#include <algorithm>
#include <iterator>

#include "eventcollect/endpoint.hpp"
#include "eventcollect/memory.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"

namespace {

using namespace eventcollect;

class NothingSink final : public Sink {
 public:
  void write(const Batch&, Rejections&) override {}
};

struct World {
  Collector collector{std::make_shared<NothingSink>()};
  Endpoint endpoint{collector,
                    {.max_body_bytes = 4096,
                     .allowed_origins = {"https://example.org"},
                     .trusted_proxies = {"127.0.0.0/8"},
                     .context = {.ip = true, .user_agent = true, .referrer = true}}};
};

// The next line of the input.
std::string_view take_line(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

// The endpoint does not read these, so inputs have no line for them.
bool is_of_another_route(const RequestHeader& header) {
  return header.member == &Request::authorization || header.member == &Request::if_none_match;
}

void check_input(std::string_view input) {
  static World world;
  Request request;
  const unsigned choice = fuzz::take_byte(input);
  request.path = "/events";
  request.body_is_decoded = (choice & 1) != 0;
  request.method = take_line(input);
  for (const RequestHeader& header : request_headers) {
    if (!is_of_another_route(header)) request.*header.member = take_line(input);
  }
  request.peer = take_line(input);
  request.body = input;

  const Response response = world.endpoint.handle(request);
  const int statuses[] = {202, 204, 400, 403, 405, 413, 415, 503};
  const bool is_known =
      std::find(std::begin(statuses), std::end(statuses), response.status) != std::end(statuses);
  fuzz::require(is_known, "the status is one that is documented");
  if (const auto early = world.endpoint.before_body(request)) {
    fuzz::require(early->status == response.status, "the early answer is the answer");
  }
  const bool is_json = !response.body.empty();
  if (is_json) fuzz::require(is_json_object(response.body), "a body is a JSON object");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  // Some 2 KiB for each of 1,000 events that are rejected, however short they are.
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 3 << 20, .bytes_per_byte = 20, .copies_per_byte = 100};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
