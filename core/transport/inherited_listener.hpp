#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/naming/address.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

// A listening socket that whoever has started this process passed to it (systemd's socket activation,
// sd_listen_fds(3)). It belongs to them: its file stays when the service ends, and who connects then waits for the next
// one.
class InheritedListener final : public Listener {
 public:
  // The one that was passed for this address: that listens at its path, or that bears the name of a local service. None
  // when there is no such.
  static std::unique_ptr<Listener> find(System& system, const Address& address);

  int fd() const override { return socket_.get(); }
  Result<std::unique_ptr<Channel>> accept() override;

 private:
  InheritedListener(System& system, Fd socket) : system_(system), socket_(std::move(socket)) {}

  System& system_;
  Fd socket_;  // a copy, because the service may be served again
};

}  // namespace ipcbridge
