#pragma once

#include <cstdint>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/stream_limits.hpp"
#include "core/base/id_map.hpp"
#include "core/endpoint/event_batch.hpp"

namespace ipcbridge::python {

class ReferenceReceiver;
class StreamMaker;

// The futures of the calls of an event loop that wait for their answers. A future's address is its call's token: it is
// kept here for as long as the call is pending, and with it what keeps its connection open.
class PendingCalls {
 public:
  PendingCalls() = default;
  ~PendingCalls() { clear(); }
  PendingCalls(const PendingCalls&) = delete;
  PendingCalls& operator=(const PendingCalls&) = delete;

  static std::uint64_t token(PyObject* future) { return reinterpret_cast<std::uint64_t>(future); }

  // Makes the next add() one that needs no memory.
  void reserve_one() { calls_.reserve_one(); }
  void add(PyObject* future, ClientId client, PyObject* keeper, const StreamLimits& limits);

  // Forgets it. The client that it was a call of, 0 if it is not pending.
  ClientId remove(PyObject* future);
  // What has been read is handled: no row is left of a call that was removed, and its token may be used again.
  void drop_removed();

  // What a call keeps in memory; null when nobody waits for it. Borrowed.
  PyObject* keeper(std::uint64_t token) {
    const Pending* found = calls_.find(token);
    return found == nullptr ? nullptr : found->keeper;
  }
  StreamLimits limits(std::uint64_t token) {
    const Pending* found = calls_.find(token);
    return found == nullptr ? StreamLimits() : found->limits;
  }

  // Ends the call that the row of an outcome is for, if somebody still waits for it; else what its result brings is
  // given back. False with an exception set.
  bool settle(const EventBatch& batch, const EventRow& row, StreamMaker* streams, ReferenceReceiver& references);

  void clear();

 private:
  struct Pending {
    ClientId client = 0;
    PyObject* keeper = nullptr;
    StreamLimits limits;
  };

  IdMap<Pending> calls_;
  std::vector<PyObject*> removed_;
};

bool is_done(PyObject* future);
// Ends a future with the Python exception that is set, which is none any more then. False with another one set.
bool set_raised(PyObject* future);

}  // namespace ipcbridge::python
