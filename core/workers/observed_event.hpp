#pragma once

#include <variant>

#include "core/endpoint/events.hpp"
#include "core/workers/work_queue.hpp"

namespace ipcbridge {

// For a second all workers of a server have been at handlers, one of them at the same, and calls wait.
struct SaturationEvent {
  ServerId server = 0;
  WorkerLoad load;
};

// What a BlockingDriver tells its observer.
using ObservedEvent =
    std::variant<CancelEvent, ClientStateEvent, ServerStateEvent, RoomEvent, ReferenceReleasedEvent, SaturationEvent>;

}  // namespace ipcbridge
