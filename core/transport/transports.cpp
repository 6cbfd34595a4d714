#include "core/transport/transports.hpp"

#include "core/naming/name_lock.hpp"
#include "core/transport/inherited_listener.hpp"
#include "core/transport/inproc_listener.hpp"
#include "core/transport/unix_listener.hpp"

namespace ipcbridge {

Result<std::unique_ptr<Listener>> Transports::listen(System& system, const Address& address,
                                                     const ListenOptions& options) {
  if (address.transport == Transport::kInproc) return listen_inproc(system, address.path);
  if (std::unique_ptr<Listener> inherited = InheritedListener::find(system, address)) return inherited;
  return UnixListener::listen(system, address.path, options.mode);
}

std::unique_ptr<Connector> Transports::connect(System& system, const Address& address) {
  if (address.transport == Transport::kInproc) {
    return std::make_unique<InstantConnector>(connect_inproc(system, address.path));
  }
  return std::make_unique<InstantConnector>(connect_unix_channel(system, address.path));
}

bool Transports::listens_here(const Address& address) {
  return address.transport == Transport::kInproc || NameLock::holder(address.path) == ProcessIdentity::own();
}

Transports& Transports::real() {
  static Transports transports;
  return transports;
}

}  // namespace ipcbridge
