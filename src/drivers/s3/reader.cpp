#include "drivers/s3/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace eventcollect::s3 {
namespace {

constexpr std::size_t piece_bytes = std::size_t{8} << 20;

// Reads "bytes 0-99/1234" (RFC 9110, section 14.4): whether it begins at `begin`, and the length
// of the whole.
bool read_content_range(std::string_view text, std::uint64_t begin, std::uint64_t& length) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return false;
  text.remove_prefix(unit.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  std::uint64_t first = 0;
  const auto number = [](std::string_view digits, std::uint64_t& value) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{};
  };
  return number(text.substr(0, slash), first) && first == begin &&
         number(text.substr(slash + 1), length) && length > begin;
}

}  // namespace

std::unique_ptr<Reader> Reader::open(std::shared_ptr<Client> client, std::string key) {
  std::unique_ptr<Reader> reader{new Reader{std::move(client), std::move(key)}};
  if (!reader->fetch_first()) return nullptr;
  return reader;
}

std::size_t Reader::read(char* out, std::size_t bytes) {
  if (position_ == piece_.size()) {
    if (fetched_ == bytes_) return 0;
    fetch_next();
  }
  const std::size_t count = std::min(bytes, piece_.size() - position_);
  std::memcpy(out, piece_.data() + position_, count);
  position_ += count;
  return count;
}

Answer Reader::ask() {
  Request request{.method = "GET", .key = key_};
  request.headers = {fmt::format("range: bytes={}-{}", fetched_, fetched_ + piece_bytes - 1)};
  if (!etag_.empty()) request.headers.push_back("if-match: " + etag_);
  request.expected = {"NoSuchKey", "InvalidRange", "PreconditionFailed"};
  request.max_answer_bytes = piece_bytes;
  request.takes_part = true;
  return client_->send(request);
}

bool Reader::fetch_first() {
  Answer answer = ask();
  if (answer.error == "NoSuchKey") return false;
  // An empty object has not even a first byte.
  if (answer.error == "InvalidRange") return true;
  etag_ = answer.header("etag");
  if (answer.error.empty() && answer.status == 200) {
    bytes_ = answer.body.size();
    fetched_ = bytes_;
    piece_ = std::move(answer.body);
  } else {
    take_range(std::move(answer));
  }
  return true;
}

void Reader::fetch_next() {
  Answer answer = ask();
  if (!answer.error.empty()) {
    throw Error{Error::unavailable,
                fmt::format("s3: {} was {} while it was read", client_->place(key_),
                            answer.error == "NoSuchKey" ? "removed" : "replaced")};
  }
  take_range(std::move(answer));
}

void Reader::take_range(Answer answer) {
  std::uint64_t length = 0;
  const bool is_range = answer.error.empty() && answer.status == 206 && !answer.body.empty() &&
                        read_content_range(answer.header("content-range"), fetched_, length);
  if (!is_range || answer.body.size() > length - fetched_) {
    throw Error{Error::unavailable,
                fmt::format("s3: {}: the store does not answer with the range that it was "
                            "asked for",
                            client_->place(key_))};
  }
  bytes_ = length;
  fetched_ += answer.body.size();
  piece_ = std::move(answer.body);
  position_ = 0;
}

}  // namespace eventcollect::s3
