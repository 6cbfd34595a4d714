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
  MessageStorage storage;
  bool dropped = false;          // a notification that was not taken
  std::uint64_t connection = 0;  // that an answer came over
  StreamTable::Queues streams;   // that the result carries; those that are not wanted are to be left

  Payload payload() const { return {outcome.payload, storage.attachments}; }

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

  // To be called on a new one, without its streams. Takes the event's storage where it has one, else copies.
  void take(const OutcomeEvent& event) {
    outcome = event.outcome;
    connection = event.connection;
    if (!event.outcome.message.empty()) message = event.outcome.message;
    outcome.message = message;
    if (event.storage != nullptr) {
      storage = std::move(*event.storage);  // the payload's address stays the same
    } else {
      storage.body = ByteBlock(event.outcome.payload);
      outcome.payload = storage.body;
    }
  }
};

}  // namespace ipcbridge
