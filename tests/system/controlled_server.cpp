// eventcollect-server with one more sink, which a test holds in its hand from outside:
//
//   controlled_server --to 'controlled:DIR?control=SOCKET'
//
// It stores what file:DIR would, as it is told. Each connection to the unix socket brings one line
// and gets "ok" when that holds:
//
//   pass    writes go through; so it begins
//   hang    writes wait
//   step    one more of them goes through
//   fail    nothing is stored, and both write and maintain say so
//   doubt   everything is stored, and write says that nobody knows
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "eventcollect/eventcollect.hpp"
#include "eventcollect/server.hpp"

namespace {

using namespace eventcollect;

// What the sink does, as last told.
class Control {
 public:
  enum class Outcome : std::uint8_t { stored, failed, in_doubt };

  bool obey(std::string_view command) {
    const std::lock_guard lock{mutex_};
    if (command == "step") {
      ++steps_;
    } else if (command == "hang") {
      hangs_ = true;
      steps_ = 0;
    } else if (command == "pass" || command == "fail" || command == "doubt") {
      hangs_ = false;
      outcome_ = command == "pass"   ? Outcome::stored
                 : command == "fail" ? Outcome::failed
                                     : Outcome::in_doubt;
    } else {
      return false;
    }
    changed_.notify_all();
    return true;
  }

  // Waits until a write may go on, and says how it has to end.
  Outcome await_write() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return !hangs_ || steps_ > 0; });
    if (hangs_) --steps_;
    return outcome_;
  }

  bool fails() {
    const std::lock_guard lock{mutex_};
    return outcome_ == Outcome::failed;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hangs_ = false;
  int steps_ = 0;
  Outcome outcome_ = Outcome::stored;
};

int listen_at_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw ConfigError{"control: not a socket's path: '" + path + "'"};
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 ||
      ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener, 8) != 0) {
    throw std::runtime_error{path + ": " + std::strerror(errno)};
  }
  return listener;
}

// Takes one command after the other until the process ends.
void serve(int listener, const std::shared_ptr<Control>& control) {
  for (;;) {
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    std::string line;
    for (char c = 0; ::read(connection, &c, 1) == 1 && c != '\n';) line.push_back(c);
    const std::string_view answer = control->obey(line) ? "ok\n" : "unknown\n";
    static_cast<void>(!::write(connection, answer.data(), answer.size()));
    ::close(connection);
  }
}

class ControlledSink final : public Sink {
 public:
  ControlledSink(std::shared_ptr<Sink> stored, std::shared_ptr<Control> control)
      : stored_{std::move(stored)}, control_{std::move(control)} {}

  void write(const Batch& batch, Rejections& rejections) override {
    const auto outcome = control_->await_write();
    if (outcome == Control::Outcome::failed) fail();
    stored_->write(batch, rejections);
    if (outcome == Control::Outcome::in_doubt) throw Error{Error::in_doubt, "told to doubt"};
  }

  void maintain() override {
    if (control_->fails()) fail();
    stored_->maintain();
  }

 private:
  [[noreturn]] static void fail() { throw Error{Error::unavailable, "told to fail"}; }

  const std::shared_ptr<Sink> stored_;
  const std::shared_ptr<Control> control_;
};

std::shared_ptr<Sink> open_controlled(const Url& url) {
  UrlOptions options{url};
  const std::string socket = options.text("control");
  options.finish();
  auto control = std::make_shared<Control>();
  auto sink = std::make_shared<ControlledSink>(open_sink("file:" + url.path), control);
  std::thread{serve, listen_at_path(socket), control}.detach();
  return sink;
}

}  // namespace

int main(int argc, char** argv) {
  register_sink("controlled", open_controlled);
  return server_main(argc, argv);
}
