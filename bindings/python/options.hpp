#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/python/text.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::python {

// Microseconds as Python passes them; negative: for ever.
Duration to_duration(std::int64_t microseconds);

using Allow = std::pair<std::vector<uid_t>, std::vector<gid_t>>;

ConnectOptions connect_options(const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
                               std::uint64_t max_queued_bytes, const pybind11::dict& limits, Allow allow,
                               ServerId serves, std::string name, bool lazy);

ServeOptions serve_options(Path address, std::vector<std::string> methods, std::vector<std::uint32_t> serial_groups,
                           const std::string& takeover, std::int64_t takeover_timeout_us, const pybind11::dict& limits,
                           Allow allow, unsigned mode, bool shared);

// How a call is made, packed for the hot path.
CallOptions call_options(std::int64_t timeout_us, unsigned flags);

pybind11::dict to_dict(const ClientStatus& status);
pybind11::dict to_dict(const ServerStatus& status);

}  // namespace ipcbridge::python
