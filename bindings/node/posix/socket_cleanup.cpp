#include "bindings/node/socket_cleanup.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <mutex>

#include "core/base/exit_files.hpp"

namespace ipcbridge::node {
namespace {

constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

// Of the process, as its signal handlers are. The handler may run on any thread at any time, so nothing here is ever
// freed, and the mutex is for all others.
struct Table {
  std::mutex mutex;
  std::size_t servers = 0;  // that listen, on all threads
  std::array<struct sigaction, kSignals.size()> before{};
  std::array<bool, kSignals.size()> installed{};
};

Table& table() {
  static Table* const kTable = new Table;
  return *kTable;
}

std::atomic<Table*> for_handler{nullptr};

// Calls only what POSIX lists as safe in a signal handler.
void on_signal(int number) {
  const Table& state = *for_handler.load();
  remove_exit_files();
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

}  // namespace

SocketCleanup::~SocketCleanup() {
  while (!servers_.empty()) forget(*servers_.begin());
}

void SocketCleanup::add(std::uint32_t server) {
  if (!servers_.insert(server).second) return;
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  ++state.servers;
  install(state);
}

void SocketCleanup::forget(std::uint32_t server) {
  if (servers_.erase(server) == 0) return;
  Table& state = table();
  const std::lock_guard lock(state.mutex);
  if (--state.servers == 0) uninstall(state);
}

}  // namespace ipcbridge::node
