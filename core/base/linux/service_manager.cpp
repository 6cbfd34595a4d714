#include "core/base/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/per_process.hpp"
#include "core/base/posix/system_calls.hpp"

namespace ipcbridge {
namespace {

// What the manager knows is of the process, whatever Drivers its services belong to.
struct State {
  std::mutex mutex;
  int open = 0;
  bool ready = false;
};

State& state() {
  static PerProcess<State> states;
  return states.get();
}

void send(System& system, std::string_view message) {
  const char* set = std::getenv("NOTIFY_SOCKET");
  if (set == nullptr) return;
  const std::string_view name(set);
  sockaddr_un address{};
  const bool is_usable = name.size() > 1 && name.size() < sizeof address.sun_path && (name[0] == '/' || name[0] == '@');
  if (!is_usable) return;  // a service manager of another kind, over AF_VSOCK say
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // in the abstract namespace
  const Fd socket(system.calls().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return;
  std::string bytes(message);
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  static_cast<void>(system.calls().sendmsg(socket.get(), &header, MSG_NOSIGNAL));
}

}  // namespace

OpenService::OpenService(System& system) : system_(system) {
  State& process = state();
  const std::lock_guard lock(process.mutex);
  ++process.open;
}

OpenService::~OpenService() {
  State& process = state();
  const std::lock_guard lock(process.mutex);
  if (--process.open > 0 || !process.ready) return;
  process.ready = false;
  send(system_, "STOPPING=1");
}

void OpenService::note_listening() {
  State& process = state();
  const std::lock_guard lock(process.mutex);
  if (process.ready) return;
  process.ready = true;
  send(system_, "READY=1");
}

}  // namespace ipcbridge
