// Any bytes as the file that a crash left: the next start seals the lines that are whole, keeps the
// rest beside, and goes on.
#include "drivers/file/log.hpp"
#include "eventcollect/notice.hpp"
#include "eventcollect/parser.hpp"
#include "fuzz/require.hpp"
#include "fuzz/work.hpp"
#include "support/power_cut_file_system.hpp"

namespace {

using namespace eventcollect;

void check_input(std::string_view input) {
  const std::string left{input};
  static const ManualClock clock{from_milliseconds(1'893'456'000'000)};
  test::PowerCutFileSystem files;
  files.make_directory("events");
  const int file = files.open("events/current.ndjson", base::FileSystem::Open::create_new);
  if (!left.empty()) files.write(file, left.data(), left.size());
  files.sync_data(file);
  const base::Descriptor directory{files, files.open("events", base::FileSystem::Open::directory)};
  files.sync(directory.get());

  set_notice_handler([](std::string_view) {});
  file::Log log{"events", {}, files, clock};
  log.append("{\"after\":1}\n");
  std::string sealed;
  std::string torn;
  std::string damaged;
  for (const auto& [name, content] : files.durable_contents()) {
    if (name.ends_with(".torn")) {
      torn = content;
    } else if (name.ends_with(".damaged")) {
      damaged = content;
    } else if (name != "events/current.ndjson") {
      sealed = content;
    } else {
      fuzz::require(content == "{\"after\":1}\n", "the new file holds what is new");
    }
  }
  fuzz::require(sealed.size() + torn.size() == left.size(), "no byte is lost or added");
  fuzz::require(left.ends_with(torn), "what is torn is the end");
  std::string missing;
  for (std::size_t begin = 0; begin < sealed.size();) {
    const std::size_t end = left.find('\n', begin) + 1;
    const std::size_t length = (end == 0 ? sealed.size() : end) - begin;
    const std::string line = left.substr(begin, length);
    const bool is_whole = end != 0 && (length == 1 || is_json_object(line.substr(0, length - 1)));
    if (!is_whole) missing += line;
    fuzz::require(sealed.substr(begin, length) == (is_whole ? line : std::string(length, '\n')),
                  "whole lines stay where they are, and blank lines take the place of others");
    begin += length;
  }
  fuzz::require(damaged == missing, "what is damaged is kept beside");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  constexpr eventcollect::fuzz::WorkLimit limit{
      .fixed_bytes = 16 << 20, .bytes_per_byte = 500, .copies_per_byte = 1'000};
  eventcollect::fuzz::limit_work(input, limit, check_input);
  return 0;
}
