#include "drivers/s3/options.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/s3.hpp"

namespace eventcollect {

void enable_s3() {
  register_store("s3",
                 [](const Url& url) { return std::make_shared<S3Store>(s3::options_of(url)); });
}

}  // namespace eventcollect
