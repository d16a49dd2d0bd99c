#include "drivers/file/options.hpp"

#include "eventcollect/file.hpp"

namespace eventcollect::file {

std::string directory_of(const Url& url) {
  if (!url.authority.empty()) {
    throw ConfigError{"file: must name a local directory, as in file:DIR or file:///DIR"};
  }
  if (url.path.empty()) throw ConfigError{"file: needs a directory, as in file:events"};
  return url.path;
}

FileSinkOptions sink_options(const Url& url) {
  UrlOptions values{url};
  FileSinkOptions options;
  options.rotate_bytes = values.bytes("rotate_bytes", options.rotate_bytes);
  options.rotate_age = values.duration("rotate_age", options.rotate_age);
  options.max_total_bytes = values.bytes("max_total_bytes", options.max_total_bytes);
  options.remove_oldest = values.flag("remove_oldest", options.remove_oldest);
  values.finish();
  if (options.remove_oldest && options.max_total_bytes == 0) {
    throw ConfigError{"remove_oldest needs a max_total_bytes, as in max_total_bytes=64MiB"};
  }
  return options;
}

std::shared_ptr<Sink> open_sink(const Url& url) {
  return std::make_shared<FileSink>(directory_of(url), sink_options(url));
}

std::shared_ptr<Source> open_source(const Url& url) {
  UrlOptions values{url};
  FileSourceOptions options;
  options.cursor = values.text("cursor", options.cursor);
  options.consume = values.flag("consume", options.consume);
  options.follow = values.flag("follow", options.follow);
  values.finish();
  return std::make_shared<FileSource>(directory_of(url), options);
}

}  // namespace eventcollect::file
