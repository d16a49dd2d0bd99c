// Any bytes as what S3 answers, as a credentials file and as a key in a list.
#include <stdexcept>

#include "base/encoding.hpp"
#include "drivers/s3/answers.hpp"
#include "drivers/s3/credentials.hpp"
#include "drivers/s3/encoding.hpp"
#include "drivers/s3/verdict.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"

namespace {

using namespace eventcollect;
using base::append_percent_encoded;

void check_verdict(std::string_view body, unsigned choice) {
  s3::HttpResponse response;
  response.status = choice % 2 == 0 ? 200 : 400 + static_cast<long>(choice);
  response.body = body;
  s3::Request request{.method = "GET", .key = "key"};
  if (choice % 3 == 0) request.root = "ListBucketResult";
  const s3::Verdict verdict = s3::judge(request, response);
  fuzz::require(verdict.kind == s3::Verdict::success || !verdict.why.empty(), "a failure is told");
  for (const char c : verdict.why) {
    fuzz::require(static_cast<unsigned char>(c) >= 0x20, "what is told can be shown");
  }
}

void check_list(std::string_view body) {
  try {
    for (const ObjectInfo& object : s3::read_list(body).objects) {
      fuzz::require(!object.key.empty(), "an object that is listed has a key");
    }
  } catch (const std::runtime_error&) {
    // It is none.
  }
}

void check_input(std::string_view text) {
  std::string encoded;
  append_percent_encoded(encoded, text);
  fuzz::require(s3::decode_key(encoded) == text, "what is encoded is decoded the same");
  s3::decode_key(text);
  const auto found = s3::find_profile(text, "default");
  fuzz::require(!found || (!found->access_key.empty() && !found->secret.empty()), "it is whole");
  check_list(text);
  check_verdict(text, fuzz::take_byte(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 64 << 10, .bytes_per_byte = 50, .copies_per_byte = 200};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
