// What S3 says in XML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/object_store.hpp"

namespace eventcollect::s3 {

// The name of the document's root element; empty where it is no XML.
std::string root_of(std::string_view xml);

// The code of an <Error>; empty where it is none. Only letters, digits, '.', '-' and '_' are taken
// for one, so that it can be shown.
std::string error_code_of(std::string_view xml);

// The text of a child of the root; empty where there is none.
std::string child_of(std::string_view xml, const char* name);

struct ListPage {
  std::vector<ObjectInfo> objects;  // keys as in the bucket
  std::string next;                 // what the request for the next page names; empty at the end
};

// Reads a ListBucketResult. Throws std::runtime_error where something in it is missing.
ListPage read_list(std::string_view xml);

}  // namespace eventcollect::s3
