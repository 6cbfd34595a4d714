#pragma once

#include <memory>
#include <string>

#include "core/base/system.hpp"
#include "core/transport/connector.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

// The inproc:// names of this process. Any thread; the two ends may live on different ones.

// already_exists when the name is taken.
Result<std::unique_ptr<Listener>> listen_inproc(System& system, const std::string& name);

// unavailable when nobody listens, or too many wait already.
Connector::Outcome connect_inproc(System& system, const std::string& name);

}  // namespace ipcbridge
