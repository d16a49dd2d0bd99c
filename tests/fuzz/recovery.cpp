// Any bytes as the file that a crash left: the next start seals the lines that are whole, in order,
// keeps the rest beside, and goes on.
#include "drivers/file/log.hpp"
#include "eventcollect/parser.hpp"
#include "fuzz/require.hpp"
#include "support/power_cut_file_system.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace eventcollect;
  const std::string left{reinterpret_cast<const char*>(data), bytes};
  static const ManualClock clock{from_milliseconds(1'893'456'000'000)};
  test::PowerCutFileSystem files;
  files.make_directory("events");
  const int file = files.open("events/current.ndjson", base::FileSystem::Open::create_new);
  if (!left.empty()) files.write(file, left.data(), left.size());
  files.sync_data(file);
  files.sync(0);

  file::Log log{"events", {}, files, clock};
  log.append("{\"after\":1}\n");
  std::string sealed;
  std::string torn;
  for (const auto& [name, content] : files.durable_contents()) {
    if (name.ends_with(".torn")) {
      torn = content;
    } else if (name != "events/current.ndjson") {
      sealed = content;
    } else {
      fuzz::require(content == "{\"after\":1}\n", "the new file holds what is new");
    }
  }
  fuzz::require(sealed + torn == left, "nothing is lost and nothing is added");
  for (std::size_t begin = 0; begin < sealed.size();) {
    const std::size_t end = sealed.find('\n', begin);
    fuzz::require(end != std::string::npos, "a sealed file ends with a whole line");
    fuzz::require(is_json_object(std::string_view{sealed}.substr(begin, end - begin)),
                  "every sealed line is a JSON object");
    begin = end + 1;
  }
  return 0;
}
