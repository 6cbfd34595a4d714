#include "core/transport/transports.hpp"

#include "core/naming/members.hpp"
#include "core/naming/name_lock.hpp"
#include "core/transport/inherited_listener.hpp"
#include "core/transport/inproc_listener.hpp"
#include "core/transport/member_listener.hpp"
#include "core/transport/unix_listener.hpp"

namespace ipcbridge {

Result<std::unique_ptr<Listener>> Transports::listen(System& system, const Address& address,
                                                     const ListenOptions& options) {
  if (address.transport == Transport::kInproc) return listen_inproc(system, address.path);
  if (std::unique_ptr<Listener> inherited = InheritedListener::find(system, address)) return inherited;
  if (options.shared) return MemberListener::listen(system, address.path, options.mode);
  return UnixListener::listen(system, address.path, options.mode);
}

std::unique_ptr<Connector> Transports::connect(System& system, const Address& address) {
  if (address.transport == Transport::kInproc) {
    return std::make_unique<InstantConnector>(connect_inproc(system, address.path));
  }
  return std::make_unique<InstantConnector>(connect_unix_channel(system, address.path));
}

// The directory may be /tmp, which whoever waits for a service is not to read again and again: where nobody serves
// there is no lock.
std::vector<std::uint32_t> Transports::members(const Address& address) {
  const bool none = address.transport == Transport::kInproc || !NameLock::has_file(address.path);
  return none ? std::vector<std::uint32_t>() : find_members(address.path);
}

std::vector<Address> Transports::occupied(const Address& address, bool shared) {
  std::vector<Address> found{address};
  if (shared) return found;
  for (const std::uint32_t number : members(address)) {
    found.push_back(address);
    found.back().path += member_suffix(number);
  }
  return found;
}

bool Transports::listens_here(const Address& address) {
  return address.transport == Transport::kInproc || NameLock::holder(address.path) == ProcessIdentity::own();
}

Transports& Transports::real() {
  static Transports transports;
  return transports;
}

}  // namespace ipcbridge
