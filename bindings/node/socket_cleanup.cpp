#include "bindings/node/socket_cleanup.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>

namespace ipcbridge::node {
namespace {

constexpr std::size_t kMostSockets = 256;  // those beyond are left behind, as they are after SIGKILL
constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

struct Socket {
  std::atomic<bool> registered{false};
  const SocketCleanup* owner = nullptr;
  std::uint32_t server = 0;
  dev_t device = 0;
  ino_t inode = 0;
  pid_t process = 0;
  std::array<char, sizeof(sockaddr_un::sun_path) + 1> path{};
};

// Of the process, as its signal handlers are. The handler may run on any thread at any time, so nothing here is ever
// freed, and the mutex is for all others.
struct Table {
  std::mutex mutex;
  std::array<Socket, kMostSockets> sockets;
  std::size_t count = 0;
  std::array<struct sigaction, kSignals.size()> before{};
  std::array<bool, kSignals.size()> installed{};
};

Table& table() {
  static Table* const kTable = new Table;
  return *kTable;
}

std::atomic<Table*> for_handler{nullptr};

// Another process may have taken the path since; a fork's child owns none of its parent's sockets.
void unlink_if_ours(const Socket& socket) {
  struct stat info {};
  if (socket.process != getpid() || lstat(socket.path.data(), &info) != 0) return;
  if (info.st_dev == socket.device && info.st_ino == socket.inode) unlink(socket.path.data());
}

// Calls only what POSIX lists as safe in a signal handler.
void on_signal(int number) {
  Table& state = *for_handler.load();
  for (const Socket& socket : state.sockets) {
    if (socket.registered.load(std::memory_order_acquire)) unlink_if_ours(socket);
  }
  if (getpid() == 1) _exit(128 + number);
  const auto at = static_cast<std::size_t>(std::find(kSignals.begin(), kSignals.end(), number) - kSignals.begin());
  sigaction(number, &state.before[at], nullptr);
  raise(number);  // blocked until this returns
}

// Nothing of the program's own: the default, or what resets itself and raises the signal again, as the handler does
// that Node.js has to restore the terminal.
bool is_usual(const struct sigaction& action) {
  if ((static_cast<unsigned>(action.sa_flags) & SA_RESETHAND) != 0) return true;
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

bool is_ours(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == on_signal;
}

void install(Table& state) {
  for_handler = &state;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now {};
    if (sigaction(kSignals[i], nullptr, &now) != 0 || is_ours(now) || !is_usual(now)) continue;
    state.before[i] = now;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    state.installed[i] = sigaction(kSignals[i], &action, nullptr) == 0;
  }
}

void uninstall(Table& state) {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now {};
    if (!state.installed[i] || sigaction(kSignals[i], nullptr, &now) != 0) continue;
    if (is_ours(now)) sigaction(kSignals[i], &state.before[i], nullptr);
    state.installed[i] = false;
  }
}

Socket* find(Table& state, const SocketCleanup* owner, std::uint32_t server) {
  const auto found = std::find_if(state.sockets.begin(), state.sockets.end(), [&](const Socket& socket) {
    return socket.registered && socket.owner == owner && socket.server == server;
  });
  return found == state.sockets.end() ? nullptr : &*found;
}

void release(Table& state, Socket& socket) {
  socket.registered = false;
  if (--state.count == 0) uninstall(state);
}

}  // namespace

SocketCleanup::~SocketCleanup() {
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  for (Socket& socket : state.sockets) {
    if (socket.registered && socket.owner == this) release(state, socket);
  }
}

void SocketCleanup::add(std::uint32_t server, const std::string& path) {
  forget(server);
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  struct stat info {};
  if (path.size() >= state.sockets[0].path.size() || lstat(path.c_str(), &info) != 0) return;
  const auto free =
      std::find_if(state.sockets.begin(), state.sockets.end(), [](const Socket& each) { return !each.registered; });
  if (free == state.sockets.end()) return;
  free->owner = this;
  free->server = server;
  free->device = info.st_dev;
  free->inode = info.st_ino;
  free->process = getpid();
  std::memcpy(free->path.data(), path.c_str(), path.size() + 1);
  free->registered.store(true, std::memory_order_release);
  ++state.count;
  install(state);
}

void SocketCleanup::forget(std::uint32_t server) {
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  if (Socket* const socket = find(state, this, server)) release(state, *socket);
}

void SocketCleanup::remove(std::uint32_t server) const {
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  if (const Socket* const socket = find(state, this, server)) unlink_if_ours(*socket);
}

}  // namespace ipcbridge::node
