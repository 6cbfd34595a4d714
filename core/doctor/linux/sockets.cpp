#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/fd.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/remedy.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "Unix sockets";

Finding failed(const std::string& what, int error) {
  return fault(kCheck, what + ": " + std::strerror(error), remedy_for(error));
}

// One byte, and a descriptor with it. 0, or errno.
int send_descriptor(System& system, const Fd& socket, const Fd& passed) {
  const std::byte byte{1};
  const ConstBytes part(&byte, 1);
  return send_parts(system, socket.get(), {&part, 1}, passed.get()) == 1 ? 0 : errno;
}

}  // namespace

Finding check_sockets(System& system) {
  const Result<std::pair<Fd, Fd>> pair = connected_pair(system);
  if (!pair.ok()) return fault(kCheck, pair.error().message, remedy_for(errno));
  const auto& [ours, theirs] = pair.value();
  const Result<LocalPeer> peer = local_peer(ours.get());
  if (!peer.ok()) return failed("SO_PEERCRED does not tell who the peer is", errno);
  if (peer.value().uid != ::geteuid()) {
    return fault(kCheck,
                 "SO_PEERCRED takes this process, of user " + std::to_string(::geteuid()) + ", for one of user " +
                     std::to_string(peer.value().uid) + ", so that it will not trust its own peers",
                 remedy_for(ENOSYS));
  }
  if (const int error = send_descriptor(system, ours, theirs); error != 0) {
    return failed("descriptors cannot be passed, so that there is no shared memory", error);
  }
  std::array<std::byte, 1> byte{};
  const Received received = receive(system, theirs.get(), byte);
  if (!received.fd.valid()) {
    return failed("descriptors do not arrive, so that there is no shared memory", received.lost_fd ? EMFILE : errno);
  }
  return ok(kCheck, "they pass descriptors, and tell who the peer is");
}

}  // namespace ipcbridge::doctor
