#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"

namespace ipcbridge::python {

// The Driver of one asyncio loop as Python sees it. In a forked child every method raises failed_precondition.
class DriverBinding {
 public:
  explicit DriverBinding(bool spin);
  ~DriverBinding();
  DriverBinding(const DriverBinding&) = delete;
  DriverBinding& operator=(const DriverBinding&) = delete;

  Driver& alive();
  // Raises in a forked child.
  void check_process() const;
  bool usable() const;
  // Closes everything at once. Every method raises afterwards.
  void shut_down();

  // (events, more): what has happened, as tuples, and whether to ask again at once. The events are
  //   ("result", client, token, payload)
  //   ("error", client, token, code, message, details, ending)
  //   ("request", server, method, payload, metadata, connection, id, timeout_us, notify)
  //   ("cancel", server, connection, id)
  //   ("client", client, state, code, message), ("server", server, state, code, message)
  //   ("room", client)
  pybind11::tuple turn(bool poll);

  // Spins without the GIL for at most so long: True when there is something to do, None when the time is
  // over, False when spinning is not worth it.
  pybind11::object spin(std::int64_t most_us);

 private:
  pybind11::tuple to_event(const EventRow& row) const;

  std::uint32_t generation_;
  std::unique_ptr<Driver> driver_;
  std::vector<std::uint32_t> table_;
  std::vector<std::byte> slab_;
  EventBatch batch_;
};

void bind_driver(pybind11::module_& module);

}  // namespace ipcbridge::python
