// Who we are to the store.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace eventcollect::s3 {

struct Credentials {
  std::string access_key;
  std::string secret;
  std::string session_token;  // empty for lasting ones

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Reads what `text`, a shared credentials file, says for a profile. Nothing where that is missing
// or has no key or no secret.
std::optional<Credentials> find_profile(std::string_view text, std::string_view profile);

// From the environment, or from the shared credentials file. Safe from any thread.
class CredentialSource {
 public:
  // An empty `profile` leaves the choice to the environment. Throws Error where there are no
  // credentials.
  explicit CredentialSource(std::string profile);

  Credentials get() const;

  // Reads the file again, since the store rejected `rejected`. Whether there are others now.
  bool refresh(const Credentials& rejected);

 private:
  std::string profile_;  // empty: the environment has the credentials
  std::string file_;
  mutable std::mutex mutex_;
  Credentials current_;
};

}  // namespace eventcollect::s3
