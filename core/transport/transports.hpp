#pragma once

#include <sys/types.h>

#include <memory>

#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/naming/address.hpp"
#include "core/transport/connector.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

struct ListenOptions {
  mode_t mode = 0600;  // of the socket file, where there is one
};

// Every way in which a process can reach another: the one place that knows which transport an address asks for.
// Stateless, any thread.
class Transports {
 public:
  Transports() = default;
  virtual ~Transports() = default;
  Transports(const Transports&) = delete;
  Transports& operator=(const Transports&) = delete;

  // already_exists when somebody listens at the address.
  virtual Result<std::unique_ptr<Listener>> listen(System& system, const Address& address,
                                                   const ListenOptions& options);
  // Begins to connect.
  virtual std::unique_ptr<Connector> connect(System& system, const Address& address);
  // Whether it is this process that listens at an address that is taken, as far as can be told.
  virtual bool listens_here(const Address& address);

  static Transports& real();
};

}  // namespace ipcbridge
