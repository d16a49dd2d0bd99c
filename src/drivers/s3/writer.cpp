#include "drivers/s3/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>
#include <stdexcept>

#include "drivers/s3/answers.hpp"
#include "drivers/s3/mark.hpp"

namespace eventcollect::s3 {
namespace {

constexpr std::uint64_t first_part_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t growth_bytes = std::uint64_t{160} << 10;
constexpr std::size_t parts_of_one_size = 1'000;

std::string document_of(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
  unsigned number = 0;
  for (const std::string& etag : etags) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text() = ++number;
    part.append_child("ETag").text() = etag.c_str();
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  return std::move(text).str();
}

}  // namespace

std::uint64_t bytes_of_part(std::size_t number) {
  const std::size_t further = number - std::min(number, parts_of_one_size);
  return first_part_bytes + growth_bytes * further;
}

Writer::Writer(std::shared_ptr<Client> client, std::string key)
    : client_{std::move(client)}, key_{std::move(key)} {}

Writer::~Writer() {
  if (!upload_.empty()) abort();
}

void Writer::write(std::string_view data) {
  if (is_over_) throw std::logic_error{"s3: an object is written to after its end"};
  while (!data.empty()) {
    const std::uint64_t wanted = bytes_of_part(etags_.size() + 1);
    if (part_.size() == wanted) {
      put_part();
      continue;
    }
    const std::size_t count = std::min<std::uint64_t>(data.size(), wanted - part_.size());
    part_.append(data.substr(0, count));
    data.remove_prefix(count);
  }
}

void Writer::commit() {
  if (is_over_) throw std::logic_error{"s3: an object is committed after its end"};
  if (upload_.empty()) {
    is_over_ = true;
    client_->send({.method = "PUT", .key = key_, .body = part_});
    return;
  }
  put_part();
  is_over_ = true;
  complete();
  upload_.clear();
}

void Writer::begin() {
  mark_ = new_mark();
  Request request{.method = "POST", .key = key_, .query = {{"uploads", ""}}};
  request.headers = {mark_header(mark_)};
  request.root = "InitiateMultipartUploadResult";
  upload_ = child_of(client_->send(request).body, "UploadId");
  if (!upload_.empty()) return;
  throw Error{Error::unavailable,
              fmt::format("s3: {}: the upload has no id", client_->place(key_))};
}

void Writer::put_part() {
  is_over_ = true;  // unless this succeeds
  if (upload_.empty()) begin();
  Request request{.method = "PUT", .key = key_};
  request.query = {{"partNumber", fmt::format("{}", etags_.size() + 1)}, {"uploadId", upload_}};
  request.body = part_;
  etags_.push_back(client_->send(request).header("etag"));
  part_.clear();
  is_over_ = false;
}

void Writer::complete() {
  const std::string document = document_of(etags_);
  Request request{.method = "POST", .key = key_, .query = {{"uploadId", upload_}}};
  request.body = document;
  request.root = "CompleteMultipartUploadResult";
  request.expected = {"NoSuchUpload"};
  if (client_->send(request).error.empty()) return;
  // An attempt whose answer was lost may have succeeded.
  if (is_marked(*client_, key_, mark_) == Marked::yes) return;
  throw Error{
      Error::unavailable,
      fmt::format("s3: cannot write {}: another process ended the upload or replaced the object",
                  client_->place(key_))};
}

void Writer::abort() noexcept {
  try {
    Request request{.method = "DELETE", .key = key_, .query = {{"uploadId", upload_}}};
    request.expected = {"NoSuchUpload"};
    client_->send(request);
  } catch (...) {
    // What is left is for the bucket's lifecycle rule.
  }
}

}  // namespace eventcollect::s3
