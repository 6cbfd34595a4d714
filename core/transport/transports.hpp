#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/naming/address.hpp"
#include "core/transport/connector.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

struct ListenOptions {
  mode_t mode = 0600;   // of the socket file, where there is one
  bool shared = false;  // others may listen at the address, too, if they all say so
};

// Every way in which a process can reach another: the one place that knows which transport an address asks for.
// Stateless, any thread.
class Transports {
 public:
  Transports() = default;
  virtual ~Transports() = default;
  Transports(const Transports&) = delete;
  Transports& operator=(const Transports&) = delete;

  // already_exists when somebody listens at the address, unless all who do share it.
  virtual Result<std::unique_ptr<Listener>> listen(System& system, const Address& address,
                                                   const ListenOptions& options);
  // Begins to connect.
  virtual std::unique_ptr<Connector> connect(System& system, const Address& address);
  // The numbers (see find_members) of those who share the address, dead ones among them; usually none.
  virtual std::vector<std::uint32_t> members(const Address& address);
  // Where those listen, dead ones among them, who keep another from the address that is taken.
  virtual std::vector<Address> occupied(const Address& address, bool shared);
  // Whether it is this process that listens at an address that is taken, as far as can be told.
  virtual bool listens_here(const Address& address);

  static Transports& real();
};

}  // namespace ipcbridge
