#include "drivers/s3/answers.hpp"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <stdexcept>
#include <utility>

#include "drivers/s3/encoding.hpp"

namespace eventcollect::s3 {
namespace {

// A key may be nothing but spaces.
constexpr unsigned parse_options = pugi::parse_default | pugi::parse_ws_pcdata_single;

pugi::xml_node parse(pugi::xml_document& document, std::string_view xml) {
  const auto result =
      document.load_buffer(xml.data(), xml.size(), parse_options, pugi::encoding_utf8);
  return result ? document.document_element() : pugi::xml_node{};
}

ObjectInfo read_object(const pugi::xml_node& node, bool is_encoded) {
  const std::string key = node.child("Key").child_value();
  const std::string_view size = node.child("Size").child_value();
  ObjectInfo info{is_encoded ? decode_key(key) : key, 0, {}};
  const auto parsed = std::from_chars(size.data(), size.data() + size.size(), info.bytes);
  const auto modified = parse_rfc3339(node.child("LastModified").child_value());
  if (key.empty() || parsed.ec != std::errc{} || !modified) {
    throw std::runtime_error{"an object without a key, a size or a time"};
  }
  info.modified = *modified;
  return info;
}

}  // namespace

std::string root_of(std::string_view xml) {
  pugi::xml_document document;
  return parse(document, xml).name();
}

std::string error_code_of(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse(document, xml);
  if (std::string_view{root.name()} != "Error") return {};
  std::string code = root.child("Code").child_value();
  constexpr std::size_t longest = 64;
  const bool is_code = code.size() <= longest && std::all_of(code.begin(), code.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
                       });
  return is_code ? std::move(code) : std::string{};
}

std::string child_of(std::string_view xml, const char* name) {
  pugi::xml_document document;
  return parse(document, xml).child(name).child_value();
}

ListPage read_list(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse(document, xml);
  const bool is_encoded = std::string_view{root.child("EncodingType").child_value()} == "url";
  ListPage page;
  for (const pugi::xml_node& node : root.children("Contents")) {
    page.objects.push_back(read_object(node, is_encoded));
  }
  const std::string_view is_truncated = root.child("IsTruncated").child_value();
  if (is_truncated != "true" && is_truncated != "false") {
    throw std::runtime_error{"a page that does not say whether it is the last"};
  }
  if (is_truncated == "true") {
    page.next = root.child("NextContinuationToken").child_value();
    if (page.next.empty())
      throw std::runtime_error{"a page that is not the last and names no next"};
  }
  return page;
}

}  // namespace eventcollect::s3
