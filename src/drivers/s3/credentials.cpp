#include "drivers/s3/credentials.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "base/ascii.hpp"
#include "drivers/s3/environment.hpp"
#include "eventcollect/object_store.hpp"

namespace eventcollect::s3 {

using base::trim_blanks;

namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  // A file that was saved on Windows ends its lines with CR LF.
  if (line.ends_with('\r')) line.remove_suffix(1);
  return trim_blanks(line);
}

std::optional<Credentials> read_profile(const std::string& file, std::string_view profile) {
  std::ifstream stream{file, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  return find_profile(text, profile);
}

std::string credentials_file() {
  const std::string named = environment("AWS_SHARED_CREDENTIALS_FILE");
  return named.empty() ? environment("HOME") + "/.aws/credentials" : named;
}

}  // namespace

std::optional<Credentials> find_profile(std::string_view text, std::string_view profile) {
  Credentials found;
  bool is_in_profile = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with('[') && line.ends_with(']')) {
      is_in_profile = trim_blanks(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!is_in_profile || line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view name = trim_blanks(line.substr(0, equals));
    const std::string_view value = trim_blanks(line.substr(equals + 1));
    if (name == "aws_access_key_id") found.access_key = value;
    if (name == "aws_secret_access_key") found.secret = value;
    if (name == "aws_session_token") found.session_token = value;
  }
  if (found.access_key.empty() || found.secret.empty()) return {};
  return found;
}

CredentialSource::CredentialSource(std::string profile) : profile_{std::move(profile)} {
  if (profile_.empty()) {
    current_ = {environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                environment("AWS_SESSION_TOKEN")};
    if (!current_.access_key.empty() && !current_.secret.empty()) return;
    profile_ = environment("AWS_PROFILE");
    if (profile_.empty()) profile_ = "default";
  }
  file_ = credentials_file();
  auto found = read_profile(file_, profile_);
  if (!found) {
    throw Error{
        Error::misconfigured,
        fmt::format("s3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                    "give aws_access_key_id and aws_secret_access_key in {} for the "
                    "profile '{}'",
                    file_, profile_)};
  }
  current_ = *std::move(found);
}

Credentials CredentialSource::get() const {
  const std::lock_guard lock{mutex_};
  return current_;
}

bool CredentialSource::refresh(const Credentials& rejected) {
  if (profile_.empty()) return false;
  auto found = read_profile(file_, profile_);
  const std::lock_guard lock{mutex_};
  if (found) current_ = *std::move(found);
  return current_ != rejected;
}

}  // namespace eventcollect::s3
