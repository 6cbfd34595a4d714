#include "core/transport/inherited_listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/transport/unix_listener.hpp"

namespace ipcbridge {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMost = 1024;

std::string_view variable(const char* name) {
  const char* set = std::getenv(name);
  return set == nullptr ? std::string_view() : std::string_view(set);
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || parsed != end || value < 0) return std::nullopt;
  return value;
}

// How many descriptors were passed to this process, and not to the one that it was forked from.
int count() {
  if (number(variable("LISTEN_PID")) != std::optional<int>(::getpid())) return 0;
  return std::min(number(variable("LISTEN_FDS")).value_or(0), kMost);
}

// Of the colon-separated list.
std::string_view name_of(int index) {
  std::string_view names = variable("LISTEN_FDNAMES");
  for (; index > 0; --index) {
    const std::size_t colon = names.find(':');
    if (colon == std::string_view::npos) return {};
    names.remove_prefix(colon + 1);
  }
  return names.substr(0, names.find(':'));
}

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_listening_unix(int fd) {
  return option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1;
}

std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return {address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path)};
}

std::optional<int> find_descriptor(const Address& address) {
  std::optional<int> named;
  const int passed = count();
  for (int index = 0; index < passed; ++index) {
    const int fd = kFirst + index;
    if (!is_listening_unix(fd)) continue;
    if (path_of(fd) == address.path) return fd;
    if (address.named && !named && name_of(index) == address.text) named = fd;
  }
  return named;
}

}  // namespace

std::unique_ptr<Listener> InheritedListener::find(System& system, const Address& address) {
  const std::optional<int> passed = find_descriptor(address);
  if (!passed) return nullptr;
  static_cast<void>(::fcntl(*passed, F_SETFD, FD_CLOEXEC));  // programs that this one starts are not to listen
  Fd socket(::fcntl(*passed, F_DUPFD_CLOEXEC, 0));
  if (!socket.valid()) return nullptr;
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) return nullptr;
  return std::unique_ptr<Listener>(new InheritedListener(system, std::move(socket)));
}

Result<std::unique_ptr<Channel>> InheritedListener::accept() { return accept_unix_channel(system_, socket_.get()); }

}  // namespace ipcbridge
