#pragma once

#include <string>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/events.hpp"
#include "core/rpc/message.hpp"
#include "core/workers/stream_table.hpp"

namespace ipcbridge {

// How a call ended, with its bytes.
struct CallResult {
  Outcome outcome;  // its views point into the members below
  std::string message;
  Buffer storage;
  bool dropped = false;          // a notification that was not taken
  std::uint64_t connection = 0;  // that an answer came over
  StreamTable::Queues streams;   // that the result carries; those that are not wanted are to be left

  CallResult() = default;
  // A short string keeps its characters inside itself, so the view must follow it.
  CallResult(CallResult&& other) noexcept
      : outcome(other.outcome),
        message(std::move(other.message)),
        storage(std::move(other.storage)),
        dropped(other.dropped),
        connection(other.connection),
        streams(std::move(other.streams)) {
    outcome.message = message;
  }
  CallResult& operator=(CallResult&& other) noexcept {
    outcome = other.outcome;
    message = std::move(other.message);
    storage = std::move(other.storage);
    dropped = other.dropped;
    connection = other.connection;
    streams = std::move(other.streams);
    outcome.message = message;
    return *this;
  }

  static CallResult failed(const Error& error) {
    CallResult result;
    result.message = error.message;
    result.outcome.code = error.code;
    result.outcome.message = result.message;
    return result;
  }

  // Takes the event's storage where it has one, else copies.
  static CallResult take(const OutcomeEvent& event) {
    CallResult result;
    result.outcome = event.outcome;
    result.connection = event.connection;
    result.message = event.outcome.message;
    result.outcome.message = result.message;
    if (event.storage != nullptr) {
      result.storage = std::move(*event.storage);  // the payload's address stays the same
    } else {
      result.storage.assign(event.outcome.payload.begin(), event.outcome.payload.end());
      result.outcome.payload = result.storage;
    }
    return result;
  }
};

}  // namespace ipcbridge
